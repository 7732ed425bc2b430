// swift-tools-version: 6.2
import PackageDescription

/// Tally: a columnar, in-process analytics engine for LLM usage and cost.
///
/// The library products are `Tally` and `TallyClient`; every other module is an implementation
/// layer whose declarations are `package`. The arrows between targets are the architecture: see
/// docs/ARCHITECTURE.md.
let package = Package(
  name: "tally",
  platforms: [.macOS(.v26)],
  products: [
    .library(name: "Tally", targets: ["Tally"]),
    .library(name: "TallyClient", targets: ["TallyClient"]),
    .executable(name: "tally", targets: ["TallyCLI"]),
    .executable(name: "tally-network", targets: ["TallyNetwork"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
  ],
  targets: [
    .systemLibrary(
      name: "CZstd", pkgConfig: "libzstd",
      providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib",
      providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(
      name: "CEdit", pkgConfig: "libedit",
      providers: [.apt(["libedit-dev"]), .brew(["libedit"])]),

    .target(name: "CTallyKernels"),
    .target(name: "TallyBase", dependencies: ["CTallyKernels"]),
    .target(
      name: "TallyFile",
      dependencies: ["TallyBase", .product(name: "SystemPackage", package: "swift-system")]),
    .target(
      name: "TallyStorage",
      dependencies: [
        "TallyBase", "TallyFile", "CZstd", "CTallyKernels",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(name: "TallyLanguage", dependencies: ["TallyBase"]),
    .target(name: "TallyPlanning", dependencies: ["TallyBase", "TallyLanguage"]),
    .target(
      name: "TallyExecution",
      dependencies: ["TallyBase", "TallyPlanning", "TallyStorage", "CTallyKernels"]),
    .target(
      name: "Tally",
      dependencies: [
        "TallyBase", "TallyFile", "TallyStorage", "TallyLanguage", "TallyPlanning",
        "TallyExecution",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(name: "TallyIngest", dependencies: ["TallyBase", "CZlib", "CZstd"]),
    .target(name: "TallyWire", dependencies: ["TallyBase"]),
    .target(name: "TallyFormat", dependencies: ["TallyBase", "TallyLanguage"]),
    .target(
      name: "TallyServer",
      dependencies: [
        "Tally", "TallyAuth", "TallyIngest", "TallyWire", "TallyFormat", "TallyBase",
        "TallyStorage", "TallyExecution", "TallyPlanning",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOTLS", package: "swift-nio"),
      ]),
    .target(
      name: "TallyHTTP",
      dependencies: [
        "Tally", "TallyServer", "TallyAuth", "TallyIngest", "TallyWire", "TallyFormat",
        "TallyBase", "TallyStorage", "TallyExecution", "TallyPlanning", "CZlib", "CZstd",
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]),
    .target(
      name: "TallyClient",
      dependencies: [
        "TallyBase", "TallyWire",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ]),
    .target(
      name: "TallyAuth",
      dependencies: [
        "TallyBase", "TallyFile", .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "TallyTerminal",
      dependencies: [
        "TallyFormat", "TallyBase", "TallyLanguage", "CEdit",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "TallyCLI",
      dependencies: [
        "Tally", "TallyIngest", "TallyFormat", "TallyAuth", "TallyBase", "TallyFile",
        "TallyStorage", "TallyLanguage", "TallyPlanning", "TallyExecution", "TallyTerminal",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .executableTarget(
      name: "TallyNetwork",
      dependencies: [
        "Tally", "TallyAuth", "TallyServer", "TallyHTTP", "TallyClient", "TallyTerminal",
        "TallyFormat", "TallyIngest", "TallyBase", "TallyFile", "TallyStorage", "TallyLanguage",
        "TallyWire",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Configuration", package: "swift-configuration"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ]),

    .target(name: "CFuzzer", path: "Tests/Fuzzing/CFuzzer"),
    .executableTarget(
      name: "TallyFuzz",
      dependencies: [
        "TallyWire", "TallyIngest", "TallyServer", "TallyHTTP", "Tally", "TallyBase", "CFuzzer",
        "TallyTestSupport",
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Tests/Fuzzing/Program"),
    .executableTarget(
      name: "IngestBenchmark",
      dependencies: [
        "Tally", "TallyBase", "TallyFile", "TallyStorage",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Benchmarks/Ingest"),
    .executableTarget(
      name: "KernelBenchmark",
      dependencies: [
        "Tally", "TallyBase", "TallyFile", "TallyStorage", "CTallyKernels",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Benchmarks/Kernels"),

    .target(
      name: "TallyTestSupport",
      dependencies: [
        "TallyBase", "TallyFile", "TallyStorage", "TallyLanguage", "TallyPlanning",
        "TallyExecution", "Tally", "TallyIngest",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/TallyTestSupport"),
    .target(
      name: "DurabilityKit",
      dependencies: [
        "TallyTestSupport", "Tally", "TallyBase", "TallyFile", "TallyStorage", "TallyExecution",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/Durability/Kit"),
    .target(name: "ShortCalls", path: "Tests/Durability/ShortCalls"),
    .executableTarget(
      name: "TallyDurability",
      dependencies: [
        "DurabilityKit", "ShortCalls", "TallyFile",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/Durability/Program"),
    .testTarget(
      name: "DurabilityTests",
      dependencies: [
        "DurabilityKit", "TallyDurability", "TallyTestSupport", "TallyBase", "TallyFile",
        "TallyStorage", .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/Durability/Tests"),
  ]
    + [
      "TallyBase", "TallyFile", "TallyStorage", "TallyLanguage", "TallyPlanning",
      "TallyExecution", "TallyIngest", "TallyWire", "TallyAuth", "Tally",
    ].map { module in
      .testTarget(
        name: "\(module)Tests",
        dependencies: [
          .target(name: module), "TallyTestSupport",
          .product(name: "SystemPackage", package: "swift-system"),
        ])
    }
    + [
      .testTarget(name: "TidyTests"),
      .testTarget(
        name: "TallyServerTests",
        dependencies: [
          "TallyServer", "Tally", "TallyAuth", "TallyBase", "TallyFile", "TallyStorage",
          "TallyWire",
          "TallyTestSupport",
          .product(name: "Logging", package: "swift-log"),
          .product(name: "NIOCore", package: "swift-nio"),
          .product(name: "NIOPosix", package: "swift-nio"),
          .product(name: "NIOSSL", package: "swift-nio-ssl"),
          .product(name: "SystemPackage", package: "swift-system"),
        ]),
      .testTarget(
        name: "TallyHTTPTests",
        dependencies: [
          "TallyHTTP", "TallyServer", "Tally", "TallyAuth", "TallyBase", "TallyWire",
          "TallyTestSupport",
          .product(name: "HTTPTypes", package: "swift-http-types"),
          .product(name: "Logging", package: "swift-log"),
          .product(name: "NIOCore", package: "swift-nio"),
          .product(name: "NIOPosix", package: "swift-nio"),
          .product(name: "NIOHTTP1", package: "swift-nio"),
        ]),
      .testTarget(
        name: "TallyClientTests",
        dependencies: [
          "TallyClient", "TallyServer", "Tally", "TallyAuth", "TallyBase", "TallyWire",
          "TallyTestSupport",
          .product(name: "Logging", package: "swift-log"),
        ]),
      .testTarget(
        name: "CommandLineTests",
        dependencies: ["TallyTestSupport", "TallyCLI", "TallyNetwork", "TallyFuzz"]),
      .testTarget(
        name: "LanguageContractTests",
        dependencies: [
          "TallyTestSupport", "Tally", "TallyBase", "TallyFile", "TallyStorage", "TallyLanguage",
          "TallyPlanning", "TallyExecution",
          .product(name: "SystemPackage", package: "swift-system"),
        ],
        exclude: ["SLT", "Data"]),
    ]
)

let commonSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableExperimentalFeature("Lifetimes"),
  .strictMemorySafety(),
]

for target in package.targets where target.type != .system {
  target.swiftSettings = commonSettings
}
