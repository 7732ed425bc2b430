# Every target that builds installs what the system lacks first (see .ci/install-packages), so a
# machine with a Swift toolchain, git and make is enough.

EVENTS ?= 20000000
SIZES ?= 2000000
SCALE ?= 1
INGEST_EVENTS ?= 2000000
SEED ?= 1
QUERIES ?= 2000
SECONDS_PER_FUZZER ?= 60
IMAGES ?= 100000
CRASHES ?= 1000
KILLS ?= 200
CYCLES ?= 100
MINUTES ?= 20
STATEMENTS ?= 100000

.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: ## Build, make 90 days of events, take a tour of queries
	@.ci/demo

.PHONY: test
test: ## All tests, and random queries beside DuckDB where it is installed
	@.ci/test debug $(SEED) $(QUERIES)

.PHONY: test-release
test-release: ## The same with optimisation on
	@.ci/test release $(SEED) $(QUERIES)

.PHONY: format
format: ## Rewrite the sources in the house format
	@swift format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks Samples

.PHONY: lint
lint: ## Check the format
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks Samples

.PHONY: oracle
oracle: ## Random queries beside DuckDB (SEED, QUERIES)
	@.ci/oracle $(SEED) $(QUERIES)

.PHONY: bench
bench: ## The reference workload beside DuckDB (EVENTS, SEED)
	@.ci/bench $(EVENTS) $(SEED)

.PHONY: bench-peers
bench-peers: ## The same beside DuckDB, ClickHouse, Polars and DataFusion (SIZES="2000000 ...", SEED)
	@.ci/bench-peers $(SEED) $(SIZES)

.PHONY: bench-bad
bench-bad: ## Bad cases: answers beside DuckDB's, memory bounded (SCALE)
	@.ci/bench-bad $(SCALE)

.PHONY: bench-kernels
bench-kernels: ## Decoding and scans beside the memory's bandwidth and plain loops
	@.ci/install-packages
	@swift build --configuration release --product KernelBenchmark
	@.build/release/KernelBenchmark

.PHONY: ingest
ingest: ## How fast events are taken, beside the disk's own speed (INGEST_EVENTS)
	@.ci/install-packages
	@swift build --configuration release --product IngestBenchmark
	@.build/release/IngestBenchmark --events $(INGEST_EVENTS)

.PHONY: bench-ingest
bench-ingest: ## The server under load beside InfluxDB, VictoriaMetrics, PostgreSQL and Redis
	@PEERS=yes .ci/with-server Benchmarks/server/bench.py

.PHONY: hostile
hostile: ## Clients that misbehave: what normal ones notice, and what it costs the server
	@.ci/with-server Benchmarks/server/hostile.py

.PHONY: fuzz
fuzz: ## Fuzzing suites in release, each for SECONDS_PER_FUZZER
	@.ci/fuzz $(SECONDS_PER_FUZZER)

.PHONY: isolation
isolation: ## Random statements of one org in a store of many, and on a server (STATEMENTS, SEED)
	@.ci/isolation $(STATEMENTS) $(SEED)
	@.ci/with-server Tests/Oracle/served_isolation.py --queries $(STATEMENTS) --seed $(SEED)

.PHONY: power
power: ## Cut the power at every change of recorded runs (IMAGES, SEED)
	@TALLY_POWER_IMAGES=$(IMAGES) SEED=$(SEED) .ci/durability power

.PHONY: crash
crash: ## Kill a writing process again and again (CRASHES), then a server under load (KILLS)
	@CRASHES=$(CRASHES) .ci/durability crash
	@.ci/with-server Tests/Durability/kill_server.py --kills $(KILLS)

.PHONY: race
race: ## A hundred processes want to write: one does
	@.ci/durability race

.PHONY: fill
fill: ## Fill a small disk and free it, as root (CYCLES)
	@CYCLES=$(CYCLES) .ci/durability fill

.PHONY: faults
faults: ## Fail every call of every operation of a store, in every way (OPERATION)
	@.ci/durability faults

.PHONY: damage
damage: ## Flip, cut and remove every byte and file of a small store (STEP, BITS, SEED)
	@SEED=$(SEED) .ci/durability damage

.PHONY: soak
soak: ## Ingest, queries and retention for MINUTES: what they take must not grow
	@MINUTES=$(MINUTES) .ci/durability soak

.PHONY: soak-server
soak-server: ## A server at half load for MINUTES: memory, descriptors, latency must stay
	@.ci/with-server Benchmarks/server/soak.py --minutes $(MINUTES)

.PHONY: libfuzzer
libfuzzer: ## Coverage-guided fuzzing of what strangers send, SECONDS_PER_FUZZER for each target
	@.ci/libfuzzer $(SECONDS_PER_FUZZER)

.PHONY: clean
clean: ## Remove what building left
	@rm -rf .build Benchmarks/.build Samples/Embedding/.build
