import Logging
import Tally
import TallyTerminal

/// Writes each event as one line of JSON to standard error: `time`, `level`, `message`, then the
/// facts about it.
struct JSONLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.info

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    writeError(JSONLogHandler.line(event, metadata, time: Timestamp.now) + "\n")
  }

  private static func line(
    _ event: LogEvent, _ metadata: Logger.Metadata, time: Timestamp
  ) -> String {
    var facts = metadata.merging(event.metadata ?? [:]) { _, new in new }
    if let error = event.error { facts["error"] = "\(error)" }
    let own = [
      ("time", time.description), ("level", event.level.rawValue),
      ("message", event.message.description),
    ]
    let others = facts.sorted { $0.key < $1.key }.map { ($0.key, $0.value.description) }
    let members = (own + others).map { "\(quoted($0.0)):\(quoted($0.1))" }
    return "{" + members.joined(separator: ",") + "}"
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "\n": result += "\\n"
      case "\u{0}"..<" ", "\u{7F}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
