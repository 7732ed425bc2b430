package import TallyBase

extension RollupDefinition {
  /// What it groups by, as people read it: `org, model by day`, `all by minute`. Dimensions of one
  /// value are not named.
  package func title(_ schema: Schema) -> String {
    let names = varyingDimensions.map { RollupDefinition.name($0, schema) }
    return (names.isEmpty ? "all" : names.joined(separator: ", ")) + " by \(grain)"
  }

  /// What it has of each group: `count, sum of cost, users`.
  package func contents(_ schema: Schema) -> String {
    var parts = ["count"]
    for kind in RollupMeasure.Kind.allCases {
      let names = measures.filter { $0.kind == kind }.map {
        RollupDefinition.name($0.column, schema)
      }
      if !names.isEmpty { parts.append("\(kind) of " + names.joined(separator: ", ")) }
    }
    if let distinct { parts.append("set of " + RollupDefinition.name(distinct, schema)) }
    let counted = histograms.map { RollupDefinition.name($0, schema) }
    if !counted.isEmpty { parts.append("histogram of " + counted.joined(separator: ", ")) }
    return parts.joined(separator: "; ")
  }

  private static func name(_ column: Int, _ schema: Schema) -> String {
    schema.columns.indices.contains(column) ? schema.columns[column].name : "column \(column)"
  }
}

extension RollupGrain: CustomStringConvertible {
  package var description: String {
    switch self {
    case .minute: "minute"
    case .quarterHour: "15 minutes"
    case .hour: "hour"
    case .day: "day"
    }
  }
}
