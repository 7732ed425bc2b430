extension TallyClient {
  /// A row of a result.
  public struct Row: Hashable, Sendable {
    /// Those of the result, in its order.
    public let columns: [Column]
    /// One a column.
    public let values: [Value]

    /// The value of a column; nil if there is none of the name.
    public subscript(_ name: String) -> Value? {
      columns.firstIndex { $0.name == name }.map { values[$0] }
    }

    /// The value of a column as `Cell`; `Cell?` takes NULL.
    ///
    ///     let cost = try row.get("cost", as: TallyClient.Decimal.self)
    ///     let user = try row.get("user", as: String?.self)
    ///
    /// - Throws: ``TallyClientError/Code/cell``.
    public func get<Cell: TallyClientCell>(
      _ name: String, as type: Cell.Type = Cell.self
    ) throws(TallyClientError) -> Cell {
      guard let value = self[name] else {
        let names = columns.map { "\"\($0.name)\"" }.joined(separator: ", ")
        throw TallyClientError(.cell, "found no column \"\(name)\", expected one of \(names)")
      }
      guard let cell = Cell(value) else {
        throw TallyClientError(
          .cell, "found \(value) in column \"\(name)\", expected a value of type \(type)")
      }
      return cell
    }
  }
}

/// A type that the values of a result can be read as.
public protocol TallyClientCell: Sendable {
  /// Nil if the value is not of this type, or not exactly.
  init?(_ value: TallyClient.Value)
}

extension Bool: TallyClientCell {
  /// Of a boolean.
  public init?(_ value: TallyClient.Value) {
    guard case .bool(let flag) = value else { return nil }
    self = flag
  }
}

extension Int128: TallyClientCell {
  /// Of an integer.
  public init?(_ value: TallyClient.Value) {
    guard case .int(let number) = value else { return nil }
    self = number
  }
}

extension Int64: TallyClientCell {
  /// Of an integer that fits into 64 bits.
  public init?(_ value: TallyClient.Value) {
    guard case .int(let number) = value else { return nil }
    self.init(exactly: number)
  }
}

extension Int: TallyClientCell {
  /// Of an integer that fits.
  public init?(_ value: TallyClient.Value) {
    guard case .int(let number) = value else { return nil }
    self.init(exactly: number)
  }
}

extension Double: TallyClientCell {
  /// Of any number, rounded to the nearest.
  public init?(_ value: TallyClient.Value) {
    switch value {
    case .double(let number): self = number
    case .decimal(let number): self = number.doubleValue
    case .int(let number): self = Double(number)
    default: return nil
    }
  }
}

extension TallyClient.Decimal: TallyClientCell {
  /// Of a decimal or an integer, exactly.
  public init?(_ value: TallyClient.Value) {
    switch value {
    case .decimal(let number): self = number
    case .int(let number): self.init(unscaled: number, scale: 0)
    default: return nil
    }
  }
}

extension String: TallyClientCell {
  /// Of a text.
  public init?(_ value: TallyClient.Value) {
    guard case .text(let text) = value else { return nil }
    self = text
  }
}

extension Optional: TallyClientCell where Wrapped: TallyClientCell {
  /// NULL is `.none` of `Wrapped`.
  public init?(_ value: TallyClient.Value) {
    if case .null = value {
      self = .none
    } else if let wrapped = Wrapped(value) {
      self = .some(wrapped)
    } else {
      return nil
    }
  }
}
