package import TallyBase

/// Whose rows a statement is about: those of one org. To it the rows, names and counts of others do
/// not exist.
package struct OrgScope: Hashable, Sendable {
  /// The column that says whose a row is.
  package let column: ColumnSchema
  /// The org, as its rows spell it.
  package let org: ByteString

  package init(column: ColumnSchema, org: ByteString) {
    self.column = column
    self.org = org
  }

  /// Holds for the org's rows, and for no row without an org.
  ///
  /// - Parameter index: where an operator's input has the column.
  package func condition(onColumn index: Int) -> BoundExpression {
    let name = BoundExpression.column(0, column.type)
    let body = BoundExpression(
      .compare(.equal, name, .literal(.text(org), column.type)), type: .bool)
    return BoundExpression(.overDictionary(column: index, body: body), type: .bool)
  }
}

extension OrgScope: CustomStringConvertible {
  package var description: String { "\(column.name) '\(org)'" }
}

extension LogicalPlan {
  /// The operator that all rows come from.
  package var source: LogicalPlan { input?.source ?? self }
}
