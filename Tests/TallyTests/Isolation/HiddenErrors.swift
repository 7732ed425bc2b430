import Synchronization
import TallyBase

/// The files that errors are about which an asker is not told.
final class HiddenErrors: Sendable {
  private let errors = Mutex<[TallyError]>([])

  var paths: [String] { errors.withLock { $0.compactMap(\.path) } }

  func add(_ error: TallyError) { errors.withLock { $0.append(error) } }
}
