"""Reads sealed records from the stream AUDIT, each once and in order, and tells when some are missing.

    NATS_URL=nats://127.0.0.1:7422 NATS_PASSWORD_FILE=... python3 consumer.py

CONSUMER names the cursor, which the server keeps; START is where a new one begins: `all`, `new`, a sequence, or a time (ISO 8601).
"""

import asyncio
import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path

import nats
from nats.errors import TimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

CONSUMER = os.environ.get("CONSUMER", "example-python")
START = os.environ.get("START", "all")
STATE_FILE = Path(os.environ.get("STATE_FILE", f"{CONSUMER}.json"))


def cursor() -> ConsumerConfig:
    """A message that was not acknowledged comes again before the next one: only then does a higher index mean that none was left out."""
    config = ConsumerConfig(
        name=CONSUMER, durable_name=CONSUMER, ack_policy=AckPolicy.EXPLICIT, ack_wait=5, max_ack_pending=1
    )
    if START == "all":
        return config.evolve(deliver_policy=DeliverPolicy.ALL)
    if START == "new":
        return config.evolve(deliver_policy=DeliverPolicy.NEW)
    if START.isdigit():
        return config.evolve(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=int(START))
    return config.evolve(deliver_policy=DeliverPolicy.BY_START_TIME, opt_start_time=datetime.fromisoformat(START))


def handle(data: bytes, seen: dict[str, int]) -> None:
    sealed = json.loads(data)
    index, tenant = sealed["index"], sealed["record"]["tenant"]
    last = seen.get(tenant)
    if last is not None and index <= last:
        return
    if last is not None and index > last + 1:
        print(f"gap: {tenant} {last + 1}-{index - 1} are not in the stream; read them from the log", file=sys.stderr)
    # Your work goes here.
    print(json.dumps({"id": f"audit.{tenant}.{index}", "event": sealed["record"]["event"]}), flush=True)
    # Keep this where the results go, in one transaction with them.
    seen[tenant] = index
    new = STATE_FILE.with_suffix(".new")
    new.write_text(json.dumps(seen))
    new.replace(STATE_FILE)


async def main() -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    seen = json.loads(STATE_FILE.read_text()) if STATE_FILE.exists() else {}
    nc = await nats.connect(
        os.environ.get("NATS_URL", "nats://127.0.0.1:7422"),
        user="audit-reader",
        password=Path(os.environ["NATS_PASSWORD_FILE"]).read_text().strip(),
        inbox_prefix=b"_INBOX_audit-reader",
        max_reconnect_attempts=-1,
    )
    js = nc.jetstream()
    try:
        await js.consumer_info("AUDIT", CONSUMER)
    except NotFoundError:
        await js.add_consumer("AUDIT", cursor())
    messages = await js.pull_subscribe_bind(CONSUMER, "AUDIT")
    while not stopping.is_set():
        try:
            [message] = await messages.fetch(1, timeout=1)
        except TimeoutError:
            continue
        handle(message.data, seen)
        await message.ack()
    await nc.flush()
    await nc.close()


asyncio.run(main())
