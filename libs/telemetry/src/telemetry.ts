import { metrics, type Meter, trace, type Tracer } from '@opentelemetry/api'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationType, InstrumentType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'

/** Buckets of `mcp.*.operation.duration`, in seconds (OpenTelemetry's MCP conventions). */
const durationBuckets = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300]

/** An endpoint that does not answer keeps no service from ending. */
const lastSpansMs = 1500

class PullReader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}
}

/** Metrics and traces of one process. */
export interface Telemetry {
  meter: Meter
  tracer: Tracer
  /** All metrics in the Prometheus text format. */
  metricsText(): Promise<string>
  /** Sends the spans that were not sent yet, if their endpoint takes them at once. */
  stop(): Promise<void>
}

/**
 * Sets up OpenTelemetry for a service. Spans are made only when an OTLP endpoint is configured, so that they cost nothing
 * where nobody looks at them.
 *
 * @param otlpEndpoint where to send traces (`OTEL_EXPORTER_OTLP_ENDPOINT`), if anywhere
 */
export function startTelemetry(service: string, otlpEndpoint?: string): Telemetry {
  const resource = resourceFromAttributes({ 'service.name': `countersign-${service}` })
  const reader = new PullReader()
  const meters = new MeterProvider({
    resource,
    readers: [reader],
    views: [
      {
        instrumentType: InstrumentType.HISTOGRAM,
        aggregation: { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries: durationBuckets } },
      },
    ],
  })
  metrics.setGlobalMeterProvider(meters)
  let tracers: NodeTracerProvider | undefined
  if (otlpEndpoint) {
    tracers = new NodeTracerProvider({
      resource,
      spanProcessors: [
        new BatchSpanProcessor(new OTLPTraceExporter({ url: `${otlpEndpoint.replace(/\/$/, '')}/v1/traces` })),
      ],
    })
    tracers.register()
  }
  const serializer = new PrometheusSerializer('', false)
  return {
    meter: meters.getMeter('countersign'),
    tracer: (tracers ?? trace).getTracer('countersign'),
    async metricsText() {
      const { resourceMetrics } = await reader.collect()
      return serializer.serialize(resourceMetrics)
    },
    async stop() {
      const patience = new Promise((resolve) => setTimeout(resolve, lastSpansMs).unref())
      await Promise.race([Promise.allSettled([meters.shutdown(), tracers?.shutdown()]), patience])
    },
  }
}
