"""DataFusion on the Parquet file, by SQL."""

import datafusion
import pyarrow

import workload

LAYOUTS = {
    "Parquet": "register_parquet of one file (zstd, sorted by day, org and time), filters pushed "
               "down into the reader",
}


def version():
    return datafusion.__version__


def environment(threads):
    return {"TOKIO_WORKER_THREADS": str(threads)}


def connect(store, layout, threads):
    config = (
        datafusion.SessionConfig().with_target_partitions(threads)
        .set("datafusion.execution.parquet.pushdown_filters", "true")
        .set("datafusion.execution.parquet.reorder_filters", "true"))
    context = datafusion.SessionContext(config)
    context.register_parquet("usage", str(store / "usage.parquet"))

    def ask(name):
        batches = context.sql(workload.ALL[name]).collect()
        return pyarrow.Table.from_batches(batches)

    return ask
