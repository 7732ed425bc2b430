import Logging
import Synchronization

/// Keeps what is logged.
struct CapturedLog: LogHandler {
  private final class Lines: Sendable {
    let all = Mutex<[String]>([])
  }

  private let lines = Lines()
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.info

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Messages with their metadata.
  var text: [String] { lines.all.withLock { $0 } }

  func log(event: LogEvent) {
    let metadata = metadata.merging(event.metadata ?? [:]) { _, new in new }
    let fields = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }
    lines.all.withLock { $0.append("\(event.level) \(event.message)" + fields.joined()) }
  }
}
