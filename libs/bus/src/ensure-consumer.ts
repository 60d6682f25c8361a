import { type ConsumerConfig, JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream'

const consumerExists = 10148

/** Makes a durable consumer, or changes the settings of the one that is there. */
export async function ensureConsumer(
  jsm: JetStreamManager,
  stream: string,
  config: Partial<ConsumerConfig> & { durable_name: string },
): Promise<void> {
  try {
    await jsm.consumers.add(stream, config)
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== consumerExists) throw error
    await jsm.consumers.update(stream, config.durable_name, config)
  }
}
