/// One file of language tests: a data set and the records that ask about it.
///
/// The dialect is sqllogictest's with a few words more; docs/TESTING.md describes it.
struct SltFile: Sendable {
  /// Relative to the SLT folder.
  var name: String
  var dataSet: String
  /// What `now()` is, in microseconds; nil: the wall clock.
  var now: Int64?
  var records: [SltRecord]
}

/// One question and what must come of it.
struct SltRecord: Sendable, CustomStringConvertible {
  /// 1-based line of the `query` or `statement` word.
  var line: Int
  var text: String
  var expectation: Expectation
  /// Texts that a warning of the query must have.
  var warnings: [String]
  /// Runs in the plain configuration only.
  var skipsMatrix: Bool
  /// 1-based lines of the expected rows, `start..<end`; what a completion replaces.
  var rowLines: Range<Int>

  enum Expectation: Sendable {
    /// `statement ok`
    case success
    /// `code` is nil where any will do.
    case failure(code: String?, fragment: String)
    case rows(types: String, isSorted: Bool, rows: [String])
  }

  var description: String { "line \(line): \(text)" }
}

/// A file that is not in the dialect.
struct SltSyntaxError: Error, CustomStringConvertible {
  var file: String
  var line: Int
  var message: String

  var description: String { "\(file):\(line): \(message)" }
}
