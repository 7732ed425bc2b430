// swift-tools-version: 6.2
import PackageDescription

/// Micro benchmarks through the public API. A package of its own, so that nobody who embeds Tally
/// resolves the benchmark library.
let package = Package(
  name: "tally-benchmarks",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(name: "tally", path: ".."),
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
  ],
  targets: [
    .executableTarget(
      name: "Queries",
      dependencies: [
        .product(name: "Tally", package: "tally"),
        .product(name: "Benchmark", package: "benchmark"),
      ],
      path: "Benchmarks/Queries",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
  ]
)
