"""Records a JVM service at one heap size: python record.py jvm-96m 96 (see README.md beside it)."""

import asyncio
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import workbench
from workbench.collectors.record import Evidence
from workbench.lab.load import Caller
from workbench.lab.plan import Plan
from workbench.lab.spans import SpanFile

HERE = Path(__file__).parent
PORT, BYTES_PER_VISIT, LIVE_MIB = 18080, 1_500_000, 40
PLAN = Plan(((60.0, 40.0), (120.0, 60.0)), seed=3)


def main(name: str, heap_mib: int) -> None:
    """Start the service, warm it up for a minute, load it for two, and keep what it wrote of those two."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "classes").mkdir()
        subprocess.run(["javac", "-d", folder / "classes", HERE / "Service.java"], check=True)
        options = [f"-Xmx{heap_mib}m", f"-Xms{heap_mib}m", "-XX:+UseSerialGC"]
        log = "-Xlog:gc*,safepoint:file=gc.log:time,uptime,level,tags"
        java = ["java", *options, log, "-cp", "classes", "Service", str(PORT), "spans.jsonl"]
        service = subprocess.Popen(
            [*java, str(BYTES_PER_VISIT), str(LIVE_MIB)], cwd=folder, stdout=subprocess.PIPE
        )
        try:
            assert service.stdout is not None
            assert service.stdout.readline() == b"ready\n"
            asyncio.run(load(folder))
        finally:
            service.terminate()
            service.wait(10)
        end = datetime.now(UTC)
        start = end - timedelta(seconds=PLAN.steps[1][0])
        files = [
            Evidence(folder / "gc.log", "gc", "catalogue", "catalogue-0"),
            Evidence(folder / "spans.jsonl", "spans"),
            Evidence(folder / "client.jsonl", "spans"),
        ]
        settings = {"catalogue/-Xmx": f"{heap_mib}m", "catalogue/workers": 16, "catalogue/queue": 512}
        print(
            workbench.record(
                HERE.parent / name,
                start=start,
                end=end,
                name=name,
                files=files,
                settings=settings,
                load={"plan": [PLAN.steps[1]], "law": "poisson", "seed": PLAN.seed, "sample_share": 1.0},
                how=f"data/captures/jvm/record.py {name} {heap_mib}",
            )
        )


async def load(folder: Path) -> None:
    """Send the plan's requests from this process, open loop, a root span for each."""
    spans = SpanFile(folder / "client.jsonl", "client", "client-0")
    try:
        caller = Caller(f"http://127.0.0.1:{PORT}/", PLAN, spans, patience_s=10.0, sample_share=1.0)
        await caller.run()
    finally:
        spans.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
