package import TallyBase

/// Which column each field of an input feeds.
///
/// In this order: what the caller renamed or ignored; a column of that very name; a standard
/// column of which the name is a known alias (see `FieldAliases`) or another spelling; `tags`,
/// whose members are fields of their own; and otherwise a new column, unless `isStrict`.
package struct FieldMapping: Sendable {
  /// Column by field, as the caller asked.
  private let renames: [String: String]
  private let ignored: Set<String>
  /// Columns that every row gets with the same value; fields that would feed them are ignored.
  package let constants: [(column: String, value: String)]
  private let constantColumns: Set<String>
  /// Whether a field that is not a column of the schema is an error.
  package let isStrict: Bool
  package let time: TimeOptions

  /// Longest name of a column, in UTF-8 bytes.
  package static let nameByteCountMax = 128

  /// - Throws: `invalidArgument` if a column name is empty, too long or holds control
  ///   characters, or if a field or column is named twice.
  package init(
    renames: [(field: String, column: String)] = [],
    constants: [(column: String, value: String)] = [],
    ignored: [String] = [], isStrict: Bool = false, time: TimeOptions = TimeOptions()
  ) throws(TallyError) {
    var columnsByField: [String: String] = [:]
    for (field, column) in renames {
      try FieldMapping.checkName(column)
      if let other = columnsByField.updateValue(column, forKey: field) {
        throw TallyError(
          .invalidArgument, "field '\(field)' is mapped twice, to '\(other)' and '\(column)'")
      }
    }
    var columns: Set<String> = []
    for (column, _) in constants {
      try FieldMapping.checkName(column)
      guard columns.insert(column).inserted else {
        throw TallyError(.invalidArgument, "column '\(column)' is set twice")
      }
    }
    self.renames = columnsByField
    self.ignored = Set(ignored)
    self.constants = constants
    constantColumns = columns
    self.isStrict = isStrict
    self.time = time
  }

  /// The mapping without any wishes of the caller.
  package static var standard: FieldMapping { FieldMapping() }

  private init() {
    renames = [:]
    ignored = []
    constants = []
    constantColumns = []
    isStrict = false
    time = TimeOptions()
  }

  private static func checkName(_ name: String) throws(TallyError) {
    if isValidName(name) { return }
    throw TallyError(
      .invalidArgument,
      "'\(name)' is not a column name; 1 to \(nameByteCountMax) bytes without control characters "
        + "were expected")
  }

  /// Whether a column may have this name. The query language quotes what is not an identifier.
  static func isValidName(_ name: String) -> Bool {
    let bytes = name.utf8
    return (1...nameByteCountMax).contains(bytes.count)
      && bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != 0x22 && $0 != 0x5C }
  }

  enum Resolution {
    /// Feeds a column of the schema, or one that an earlier row brought.
    case column(FieldAliases.Target)
    /// Would be a new column of this name.
    case new(String)
    /// An object whose members are fields of their own.
    case tags
    case ignored
  }

  /// What becomes of a field. `isKnown` says whether a column exists by now.
  func resolve(
    _ field: String, isKnown: (String) -> Bool
  ) throws(RowProblem) -> Resolution {
    if let column = renames[field] { return try columnOrNew(column, isKnown) }
    if ignored.contains(field) { return .ignored }
    if isKnown(field) || constantColumns.contains(field) {
      return try columnOrNew(field, isKnown)
    }
    let snake = FieldAliases.snakeCase(field)
    if let target = FieldAliases.target(ofSnakeCase: snake) {
      return constantColumns.contains(target.column) ? .ignored : .column(target)
    }
    if Schema.standard.column(named: snake) != nil { return try columnOrNew(snake, isKnown) }
    if field == "tags" { return .tags }
    return try columnOrNew(field, isKnown)
  }

  private func columnOrNew(
    _ column: String, _ isKnown: (String) -> Bool
  ) throws(RowProblem) -> Resolution {
    if constantColumns.contains(column) { return .ignored }
    if isKnown(column) { return .column(FieldAliases.Target(column: column)) }
    guard FieldMapping.isValidName(column) else {
      throw RowProblem(
        "the name cannot be a column's; 1 to \(FieldMapping.nameByteCountMax) bytes without "
          + "quotes, backslashes and control characters were expected", field: column)
    }
    if isStrict {
      throw RowProblem(
        "unknown field '\(column)', and strict mode adds no columns", field: column,
        kind: .unknownField)
    }
    return .new(column)
  }
}
