import ArgumentParser
import Configuration
import SystemPackage
import TallyBase
import TallyFile
import TallyWire

/// A configuration file: one JSON object whose members are settings.
struct ConfigurationFile {
  private static let byteCountMax = 1 << 20

  let path: String
  let values: [String: ConfigContent]

  /// - Throws: `ValidationError` for what is no such object and for names that are no settings;
  ///   `io`.
  init(_ path: String) throws {
    self.path = path
    let bytes = try PosixFileSystem().readFile(
      FilePath(path), byteCountMax: ConfigurationFile.byteCountMax)
    values = try ConfigurationFile.parse(String(decoding: bytes, as: UTF8.self), path)
  }

  private static func parse(_ text: String, _ path: String) throws -> [String: ConfigContent] {
    do throws(WireError) {
      var scanner = JsonScanner(text)
      var values: [String: ConfigContent] = [:]
      try scanner.expect("{")
      if !scanner.take("}") {
        repeat {
          let name = try scanner.string()
          try scanner.expect(":")
          let value = try scanner.scalar()
          try check(name, isNew: values[name] == nil)
          values[name] = try content(value, name)
        } while scanner.take(",")
        try scanner.expect("}")
      }
      try scanner.expectEnd()
      return values
    } catch {
      let hint = error.hint.map { "; \($0)" } ?? ""
      throw ValidationError("\(path): \(error.message)\(hint)")
    }
  }

  private static func check(_ name: String, isNew: Bool) throws(WireError) {
    guard ServeSetting.names.contains(name) else {
      let nearest = Suggestion.nearest(to: name, among: ServeSetting.names)
      throw WireError(
        .argument, "found the key \"\(name)\", expected the name of a setting",
        hint: Suggestion.hint(nearest)
          ?? "settings are \(ServeSetting.names.joined(separator: ", "))")
    }
    guard isNew else {
      throw WireError(.argument, "found the key \"\(name)\" twice, expected it once")
    }
  }

  private static func content(_ value: Value, _ name: String) throws(WireError) -> ConfigContent {
    switch value {
    case .text(let text): return .string(String(decoding: text.bytes, as: UTF8.self))
    case .bool(let truth): return .bool(truth)
    case .int(let number):
      if let number = Int(exactly: number) { return .int(number) }
    default: break
    }
    throw WireError(
      .argument, "found \(value) for \(name), expected a string, an integer, true or false")
  }
}
