package import TallyBase
package import TallyLanguage

/// Turns a parsed statement into a logical plan: names become positions, expressions get types,
/// and what cannot be meant is refused with a place and a hint.
package struct Binder: Sendable {
  let catalog: any Catalog
  let options: BinderOptions

  package init(catalog: any Catalog, options: BinderOptions) {
    self.catalog = catalog
    self.options = options
  }

  /// - Throws: `binding` for names, types and misplaced aggregates, `invalidArgument` for values
  ///   out of range, `unsupported` for what the language has and this build has not,
  ///   `resourceExhausted` for queries that grow out of bounds.
  package func bind(_ statement: Statement) throws(TallyError) -> BoundStatement {
    switch statement {
    case .query(let query):
      return .query(try bindQuery(query))
    case .explain(let query, let analyze):
      return .explain(try bindQuery(query), analyze: analyze)
    case .show(let show):
      return .query(try bindShow(show))
    case .set(let name, let value):
      let binder = ExpressionBinder(catalog: catalog, options: options)
      let bound = try binder.bindLiteral(value)
      return .set(name: name.name, value: bound.literalValue ?? .null, span: name.span)
    }
  }

  package func bindQuery(_ query: Query) throws(TallyError) -> BoundQuery {
    if let table = query.from, table.name != "usage" {
      throw TallyError(
        .binding, "unknown table \"\(table.name)\", the only one is \"usage\"",
        span: table.span, hint: "FROM usage, or no FROM at all")
    }
    if let zone = query.timeZone, !["utc", "z", "etc/utc"].contains(zone.value.lowercased()) {
      throw TallyError(
        .unsupported, "time zone '\(zone.value)' is not supported, expected 'UTC'",
        span: zone.span)
    }
    var builder = QueryBinder(query: query, catalog: catalog, options: options)
    return try builder.bind()
  }
}
