import Synchronization
import SystemPackage
import TallyBase
import TallyIngest
import TallyTerminal

/// Tells about rejected lines: the first few on standard error, or all in a file.
final class RejectReport: Sendable {
  /// Lines shown on standard error.
  private static let shownCountMax = 20

  private let file: FileDescriptor?
  private let path: String?
  private let count = Mutex(0)

  /// - Parameter path: the file that gets one JSON object a rejected line; nil: standard error.
  /// - Throws: `io`.
  init(path: String?) throws(TallyError) {
    self.path = path
    guard let path else {
      file = nil
      return
    }
    do {
      file = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .truncate],
        permissions: FilePermissions(rawValue: 0o644))
    } catch {
      throw TallyError(.io, "cannot write rejected lines to '\(path)': \(error)", path: path)
    }
  }

  deinit { try? file?.close() }

  func add(_ rejections: [Rejection], input: String) throws(TallyError) {
    let before = count.withLock { count in
      defer { count += rejections.count }
      return count
    }
    if let file {
      var text: [UInt8] = []
      for rejection in rejections { rejection.appendJson(to: &text, input: input) }
      do {
        try file.writeAll(text)
      } catch {
        throw TallyError(.io, "cannot write rejected lines: \(error)", path: path)
      }
    } else {
      for rejection in rejections.prefix(max(0, RejectReport.shownCountMax - before)) {
        let field = rejection.field.isEmpty ? "" : "field '\(rejection.field)': "
        writeError("\(input):\(rejection.line): \(field)\(rejection.reason)\n")
      }
    }
  }

  /// Says how many lines were not shown.
  func finish() {
    let total = count.withLock { $0 }
    if let path {
      if total > 0 {
        writeError("\(total) rejected \(total == 1 ? "line is" : "lines are") in '\(path)'\n")
      }
    } else if total > RejectReport.shownCountMax {
      let rest = total - RejectReport.shownCountMax
      writeError(
        "... and \(rest) more rejected \(rest == 1 ? "line" : "lines"); "
          + "--rejects FILE keeps them all\n")
    }
  }
}

extension Rejection {
  /// `{"file":...,"line":12,"column":"cost","reason":...,"text":...}` and a line feed. In `text`,
  /// bytes that are not UTF-8 become U+FFFD; a line with such bytes is also kept as it was, in
  /// hexadecimal digits under `bytes`.
  fileprivate func appendJson(to output: inout [UInt8], input: String) {
    func append(_ key: String, _ value: String) {
      output.append(contentsOf: "\"\(key)\":\"".utf8)
      for byte in value.utf8 {
        switch byte {
        case 0x22, 0x5C: output.append(contentsOf: [0x5C, byte])
        case ..<0x20:
          output.append(contentsOf: "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8)
        default: output.append(byte)
        }
      }
      output.append(0x22)
    }
    output.append(UInt8(ascii: "{"))
    append("file", input)
    output.append(contentsOf: ",\"line\":\(line),".utf8)
    append("column", field)
    output.append(UInt8(ascii: ","))
    append("reason", reason)
    output.append(UInt8(ascii: ","))
    let text = String(decoding: original, as: UTF8.self)
    append("text", text)
    if !text.utf8.elementsEqual(original) {
      output.append(contentsOf: ",\"bytes\":\"".utf8)
      let digits = Array("0123456789abcdef".utf8)
      for byte in original { output += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
      output.append(0x22)
    }
    output.append(contentsOf: "}\n".utf8)
  }
}
