/// The layer map of docs/ARCHITECTURE.md: what each module of Sources may import.
extension Checks {
  private static let platform: Set<String> = ["Glibc", "Musl", "Darwin", "Synchronization"]
  private static let engine: Set<String> = [
    "TallyBase", "TallyFile", "TallyStorage", "TallyLanguage", "TallyPlanning", "TallyExecution",
  ]

  static let allowedImports: [String: Set<String>] = [
    "TallyBase": ["CTallyKernels"],
    "TallyFile": ["TallyBase", "SystemPackage"],
    "TallyStorage": ["TallyBase", "TallyFile", "CZstd", "CTallyKernels", "SystemPackage"],
    "TallyLanguage": ["TallyBase"],
    "TallyPlanning": ["TallyBase", "TallyLanguage"],
    "TallyExecution": [
      "TallyBase", "TallyLanguage", "TallyPlanning", "TallyStorage", "CTallyKernels",
    ],
    "TallyIngest": ["TallyBase", "CZlib", "CZstd", "CTallyKernels"],
    "TallyWire": ["TallyBase"],
    "TallyFormat": ["TallyBase", "TallyLanguage"],
    "TallyAuth": ["TallyBase", "TallyFile", "SystemPackage", "Crypto"],
    "TallyServer": [
      "Tally", "TallyAuth", "TallyBase", "TallyExecution", "TallyFormat", "TallyIngest",
      "TallyPlanning", "TallyStorage", "TallyWire", "Dispatch", "Logging", "NIOCore", "NIOPosix",
      "NIOSSL", "NIOTLS",
    ],
    "TallyHTTP": [
      "Tally", "TallyAuth", "TallyBase", "TallyExecution", "TallyFormat", "TallyIngest",
      "TallyPlanning", "TallyServer", "TallyStorage", "TallyWire", "CZlib", "CZstd",
      "Dispatch", "HTTPTypes", "HummingbirdCore", "Logging", "NIOCore", "NIOHTTP1", "NIOHTTPTypes",
      "NIOHTTPTypesHTTP1", "NIOPosix", "NIOSSL", "ServiceLifecycle",
    ],
    "TallyClient": ["TallyBase", "TallyWire", "NIOCore", "NIOPosix", "NIOSSL"],
    "TallyTerminal": ["TallyBase", "TallyFormat", "TallyLanguage", "ArgumentParser", "CEdit"],
    "Tally": engine.union(["SystemPackage"]),
    "TallyCLI": engine.union([
      "Tally", "TallyAuth", "TallyFormat", "TallyIngest", "TallyTerminal",
      "ArgumentParser", "SystemPackage", "Foundation", "FoundationEssentials",
    ]),
    "TallyNetwork": engine.union([
      "Tally", "TallyAuth", "TallyClient", "TallyFormat", "TallyHTTP", "TallyIngest",
      "TallyServer", "TallyTerminal", "TallyWire", "ArgumentParser", "Configuration", "Logging",
      "NIOCore", "NIOPosix", "NIOSSL", "ServiceLifecycle", "SystemPackage",
      "UnixSignals",
    ]),
  ]

  static func layers(_ file: SourceFile) -> [Finding] {
    let folders = file.path.split(separator: "/")
    guard file.isSwift, folders.count > 2, folders[0] == "Sources" else { return [] }
    let module = String(folders[1])
    guard let allowed = allowedImports[module] else {
      return [
        Finding(
          path: file.path, line: 1,
          message: "module '\(module)' is not in the layer map: draw it there first")
      ]
    }
    return imports(of: file).compactMap { line, name in
      guard !allowed.contains(name), !platform.contains(name) else { return nil }
      return Finding(
        path: file.path, line: line,
        message: "\(module) may not import \(name): see the layers in docs/ARCHITECTURE.md")
    }
  }

  /// Modules imported, with the line of each.
  static func imports(of file: SourceFile) -> [(line: Int, module: String)] {
    file.source.lines.enumerated().compactMap { index, line in
      guard line.contains("import ") else { return nil }
      let form = /^\s*(?:@\w+\s+)*(?:[a-z]+\s+)?import\s+(?:[a-z]+\s+)?(\w+)/
      guard let match = line.firstMatch(of: form) else { return nil }
      return (index + 1, String(match.1))
    }
  }
}
