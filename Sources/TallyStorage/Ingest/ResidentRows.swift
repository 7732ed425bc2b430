import Synchronization
import TallyBase

/// Rows of the write buffer that stand where a segment's file would: columns are put into order and
/// into pages when a query first asks for them, so that it pays for those that it reads.
final class ResidentRows: Sendable {
  /// Row groups of the segment; its columns are here.
  private let layout: SegmentFooter
  /// Row i of the segment is row `order[i]` of the buffer.
  private let order: [UInt32]
  /// By column id.
  private let captures: [ColumnCapture?]
  private let made: Mutex<[Int: Made]> = Mutex([:])

  /// A column that was asked for.
  private enum Made {
    /// Every row has the default value.
    case absent
    case ready(SegmentFooter.Column, pages: [Page])
    case failed(SegmentFooter.Column, TallyError)

    var column: SegmentFooter.Column? {
      switch self {
      case .absent: nil
      case .ready(let column, _), .failed(let column, _): column
      }
    }
  }

  init(day: Day, order: [UInt32], captures: [ColumnCapture?]) {
    layout = SegmentFooter(day: day, rowCount: order.count)
    self.order = order
    self.captures = captures
  }

  var footer: SegmentFooter {
    var footer = layout
    footer.resident = self
    return footer
  }

  /// Memory that all columns take once they have been asked for, roughly.
  var byteCount: Int { order.count * 8 * captures.count { $0 != nil } }

  /// - Complexity: O(rows) where nobody has asked for the column before; others wait for it.
  func column(id: Int) -> SegmentFooter.Column? { find(id).column }

  /// - Throws: `internal`, `resourceExhausted`, and why the column could not be made.
  func page(column: Int, rowGroup: Int, index: Int) throws(TallyError) -> Page {
    let number = rowGroup * (SegmentReader.rowGroupRowCount / Page.rowCountMax) + index
    switch find(column) {
    case .ready(_, let pages) where pages.indices.contains(number): return pages[number]
    case .failed(_, let error): throw error
    default:
      throw TallyError(
        .internal, "buffered rows have no page \(index) of column \(column), row group \(rowGroup)")
    }
  }

  private func find(_ id: Int) -> Made {
    guard captures.indices.contains(id), let capture = captures[id] else { return .absent }
    return made.withLock { made in
      if let known = made[id] { return known }
      let result: Made
      do throws(TallyError) {
        result = try make(capture)
      } catch {
        result = .failed(column(capture.column, [], pages: []), error)
      }
      made[id] = result
      return result
    }
  }

  private func make(_ capture: ColumnCapture) throws(TallyError) -> Made {
    guard let data = ColumnGather.gather(capture, order: order[...]) else { return .absent }
    let source = try ColumnSource(data, rowCount: order.count)
    guard !source.isDefault else { return .absent }
    var options = SegmentWriter.Options(forcedEncoding: .plain)
    options.isCompressing = false
    options.isQuick = true
    var assembly = SegmentAssembly(day: layout.day, rowCount: order.count, options: options)
    let encoded = layout.pageRows.map {
      assembly.encodePage(source, $0, reference: nil, $0)
    }
    let column = column(capture.column, source.localDictionary, pages: encoded)
    var pages: [Page] = []
    for (number, location) in column.chunks.flatMap(\.pages).enumerated() {
      let subject = "page \(number) of buffered column '\(capture.column.name)'"
      pages.append(
        try Page(
          encoded: encoded[number].page.stored, shape: PageShape(location, column),
          subject: subject
        ) { (_) throws(TallyError) in
          throw TallyError(.internal, "\(subject) refers to another column")
        })
    }
    return .ready(column, pages: pages)
  }

  /// What a footer says of a column with these pages.
  private func column(
    _ schema: ColumnSchema, _ localDictionary: [SymbolCode],
    pages: [SegmentAssembly.MeasuredPage]
  ) -> SegmentFooter.Column {
    var column = SegmentFooter.Column(
      columnID: schema.id, kind: ColumnKind(storing: schema.type) ?? .int64,
      localDictionary: localDictionary, chunks: [], zoneMap: .empty)
    let unknown = ZoneMap(nullCount: 0, hasBounds: false, minimum: 0, maximum: 0, sum: 0)
    var number = 0
    for group in layout.rowGroups {
      var chunk = SegmentFooter.Chunk(pages: [], zoneMap: .empty)
      for start in stride(from: 0, to: group.rowCount, by: Page.rowCountMax) {
        let page = number < pages.count ? pages[number].page : EncodedPage(.plain, [])
        let zoneMap = number < pages.count ? pages[number].zoneMap : unknown
        number += 1
        chunk.pages.append(
          SegmentFooter.PageLocation(
            offset: 0, storedByteCount: Int32(clamping: page.stored.count),
            encodedByteCount: Int32(clamping: page.encodedByteCount),
            rowCount: Int32(min(Page.rowCountMax, group.rowCount - start)),
            encoding: page.encoding, isCompressed: false, crc: 0, zoneMap: zoneMap))
        chunk.zoneMap.merge(zoneMap)
      }
      column.zoneMap.merge(chunk.zoneMap)
      column.chunks.append(chunk)
    }
    return column
  }
}
