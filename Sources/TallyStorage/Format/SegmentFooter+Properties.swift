import TallyBase

/// Section `properties`: day signed varint; row count varint; row group count varint; rows of each
/// group varint.
extension SegmentFooter {
  func appendProperties(to writer: inout ByteWriter) {
    writer.appendSignedVarint(Int64(day.number))
    writer.appendVarint(rowCount)
    writer.appendVarint(rowGroups.count)
    for group in rowGroups { writer.appendVarint(group.rowCount) }
  }

  init(properties bytes: [UInt8]) throws(TallyError) {
    var reader = ByteReader(bytes, subject: "segment section 'properties'")
    guard let dayNumber = Int32(exactly: try reader.readSignedVarint()) else {
      throw reader.corruption("the day is out of range")
    }
    day = Day(number: dayNumber)
    rowCount = try reader.readCount(upTo: Int(Int32.max), "a row count")
    rowGroups = []
    columns = []
    let groupCount = try reader.readCount(upTo: reader.remainingCount, "a row group count")
    var firstRow = 0
    for index in 0..<groupCount {
      let rows = try reader.readCount(
        upTo: min(SegmentReader.rowGroupRowCount, rowCount - firstRow), "a row group's rows")
      guard rows > 0, index == groupCount - 1 || rows == SegmentReader.rowGroupRowCount else {
        throw reader.corruption("row group \(index) has \(rows) rows")
      }
      rowGroups.append(RowGroup(firstRow: firstRow, rowCount: rows))
      firstRow += rows
    }
    guard firstRow == rowCount else {
      throw reader.corruption("row groups have \(firstRow) rows, expected \(rowCount)")
    }
    try reader.expectEnd()
  }
}
