/// Decodes one result row: column names are keys, NULL is nil.
struct RowDecoder: Decoder {
  let row: QueryResult.Row
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(RowContainer<Key>(row: row))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    throw DecodingError.dataCorrupted(
      DecodingError.Context(codingPath: [], debugDescription: "a row is not a list"))
  }

  func singleValueContainer() throws -> any SingleValueDecodingContainer {
    guard row.result.columns.count == 1 else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: [],
          debugDescription: "a single value needs one column, the result has "
            + "\(row.result.columns.count)"))
    }
    return CellContainer(cell: row[0], codingPath: [])
  }
}

private struct RowContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let row: QueryResult.Row
  var codingPath: [any CodingKey] { [] }
  var allKeys: [Key] { row.result.columns.compactMap { Key(stringValue: $0.name) } }

  func contains(_ key: Key) -> Bool { row.result.columnIndex(key.stringValue) != nil }

  func decodeNil(forKey key: Key) throws -> Bool { row[key.stringValue].isNull }

  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    guard contains(key) else {
      throw DecodingError.keyNotFound(
        key,
        DecodingError.Context(
          codingPath: [], debugDescription: "the result has no column '\(key.stringValue)'"))
    }
    let container = CellContainer(cell: row[key.stringValue], codingPath: [key])
    return try container.decode(type)
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> { throw flat(key) }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    throw flat(key)
  }

  func superDecoder() throws -> any Decoder { RowDecoder(row: row) }
  func superDecoder(forKey key: Key) throws -> any Decoder { throw flat(key) }

  private func flat(_ key: Key) -> DecodingError {
    DecodingError.dataCorruptedError(
      forKey: key, in: self, debugDescription: "a column holds single values")
  }
}

private struct CellContainer: SingleValueDecodingContainer {
  let cell: Cell
  let codingPath: [any CodingKey]

  func decodeNil() -> Bool { cell.isNull }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    if let value = try scalar(type) { return value }
    return try Value(from: CellDecoder(cell: cell, codingPath: codingPath))
  }

  /// The cell as one of the types it converts to without loss; nil to let the type decode itself.
  private func scalar<Value>(_ type: Value.Type) throws -> Value? {
    let converted: Any?
    switch type {
    case is Cell.Type: converted = cell
    case is String.Type: converted = cell.string
    case is Bool.Type: converted = cell.bool
    case is Double.Type: converted = cell.double
    case is Float.Type: converted = cell.double.map { Float($0) }
    case is Int.Type: converted = cell.int
    case is Int64.Type: converted = cell.int.map { Int64($0) }
    case is Int32.Type: converted = cell.int.flatMap { Int32(exactly: $0) }
    case is UInt.Type: converted = cell.int.flatMap { UInt(exactly: $0) }
    case is UInt64.Type: converted = cell.int.flatMap { UInt64(exactly: $0) }
    case is Int128.Type:
      if case .integer(let number) = cell { converted = number } else { converted = nil }
    case is FixedDecimal.Type: converted = cell.decimal
    case is Timestamp.Type: converted = cell.timestamp
    default: return nil
    }
    guard let value = converted as? Value else {
      throw DecodingError.typeMismatch(
        type,
        DecodingError.Context(codingPath: codingPath, debugDescription: "the value is \(cell)"))
    }
    return value
  }
}

private struct CellDecoder: Decoder {
  let cell: Cell
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    throw nested
  }
  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw nested }
  func singleValueContainer() throws -> any SingleValueDecodingContainer {
    CellContainer(cell: cell, codingPath: codingPath)
  }

  private var nested: DecodingError {
    DecodingError.dataCorrupted(
      DecodingError.Context(
        codingPath: codingPath, debugDescription: "a column holds single values"))
  }
}

extension Timestamp: Decodable {
  /// From a result column, or from text in RFC 3339.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let time = Timestamp(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not a time")
    }
    self = time
  }
}

extension FixedDecimal: Decodable {
  /// From a result column, or from a double with nine digits kept.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let number = try container.decode(Double.self)
    guard let unscaled = Int128(exactly: (number * 1e9).rounded()) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\(number) is not a decimal")
    }
    self.init(unscaled: unscaled, scale: 9)
  }
}

extension Cell: Decodable {
  /// From a result column only.
  public init(from decoder: any Decoder) throws {
    self = try decoder.singleValueContainer().decode(Cell.self)
  }
}
