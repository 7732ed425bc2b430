import TallyBase

/// Runs statements on a store.
final class DatabaseRunner: QueryRunner {
  static func open(
    _ path: String, threadCount: Int? = nil, usesRollups: Bool = true
  ) throws(TallyError) -> DatabaseRunner {
    throw TallyError(.unsupported, "opening \"\(path)\" is not supported")
  }

  func run(_ text: String, cancellation: CancellationToken) throws(TallyError) -> ResultTable {
    throw TallyError(.unsupported, "queries are not supported")
  }
}
