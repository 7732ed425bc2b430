import TallyBase

/// One column of the rows of a day, in order of arrival.
///
/// A chunk that is absent stands for rows that do not name the column.
struct ColumnBuffer {
  enum Chunks {
    case fixed(width: Int, [RowChunk?])
    case text([TextChunk?])
  }

  let column: ColumnSchema
  let missing: MissingValue
  var chunks: Chunks

  init(column: ColumnSchema, missing: MissingValue) {
    self.column = column
    self.missing = missing
    switch column.type {
    case .text: chunks = .text([])
    case .symbol: chunks = .fixed(width: 4, [])
    case .bool: chunks = .fixed(width: 1, [])
    default: chunks = .fixed(width: 8, [])
    }
  }

  /// Which rows of the batch are taken, in this order.
  enum Selection {
    case all
    case rows(ArraySlice<Int32>)

    func count(of rowCount: Int) -> Int {
      switch self {
      case .all: rowCount
      case .rows(let rows): rows.count
      }
    }
  }

  // MARK: Fixed width

  /// Appends rows behind row `start` of the day.
  ///
  /// - Parameters:
  ///   - source: the batch's values, `width` bytes each.
  ///   - validity: one byte a row of the batch, or nil.
  /// - Returns: bytes of memory added.
  mutating func append(
    _ source: UnsafeRawPointer, validity: UnsafePointer<UInt8>?, rowCount: Int,
    selection: Selection, at start: Int
  ) -> Int {
    guard case .fixed(let width, var list) = chunks else { return 0 }
    // Leaves the list uniquely referenced while it is changed.
    chunks = .fixed(width: width, [])
    var addedByteCount = 0
    var done = 0
    let count = selection.count(of: rowCount)
    while done < count {
      let row = start + done
      let index = row >> RowChunk.rowShift
      while list.count <= index { list.append(nil) }
      let within = row & RowChunk.rowMask
      let chunk: RowChunk
      if let existing = list[index] {
        chunk = existing
        addedByteCount -= chunk.byteCount
      } else {
        chunk = RowChunk(width: width)
        list[index] = chunk
      }
      chunk.fill(to: within, with: missing)
      let taken = min(count - done, RowChunk.rowCount - within)
      let room = unsafe chunk.extend(by: taken, hasNulls: validity != nil)
      unsafe ColumnBuffer.copy(
        source, width: width, selection: selection, range: done..<(done + taken),
        to: room.values)
      if let validity = unsafe validity, let target = unsafe room.validity {
        unsafe ColumnBuffer.copy(
          UnsafeRawPointer(validity), width: 1, selection: selection, range: done..<(done + taken),
          to: UnsafeMutableRawPointer(target))
      }
      addedByteCount += chunk.byteCount
      done += taken
    }
    chunks = .fixed(width: width, list)
    return addedByteCount
  }

  private static func copy(
    _ source: UnsafeRawPointer, width: Int, selection: Selection, range: Range<Int>,
    to target: UnsafeMutableRawPointer
  ) {
    switch selection {
    case .all:
      // SAFETY: the source has a value for every row of the batch, the target for every row of
      // `range`; they do not overlap.
      unsafe target.copyMemory(
        from: source + range.lowerBound * width, byteCount: range.count * width)
    case .rows(let rows):
      let first = rows.startIndex + range.lowerBound
      unsafe rows[first..<(first + range.count)].withUnsafeBufferPointer { rows in
        switch width {
        case 8: unsafe gather(source, rows, to: target, as: Int64.self)
        case 4: unsafe gather(source, rows, to: target, as: UInt32.self)
        default: unsafe gather(source, rows, to: target, as: UInt8.self)
        }
      }
    }
  }

  @inline(__always)
  private static func gather<Element: BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ rows: UnsafeBufferPointer<Int32>,
    to target: UnsafeMutableRawPointer, as type: Element.Type
  ) {
    // SAFETY: rows are below the batch's row count, and batches hold arrays of this element.
    let from = unsafe source.assumingMemoryBound(to: Element.self)
    let into = unsafe target.bindMemory(to: Element.self, capacity: rows.count)
    for index in 0..<rows.count { unsafe into[index] = from[Int(rows[index])] }
  }

  // MARK: Text

  /// The same for a text column; row i of the batch is `bytes[offsets[i]..<offsets[i + 1]]`.
  mutating func appendText(
    offsets: [Int], bytes: [UInt8], validity: [UInt8], selection: Selection, at start: Int
  ) -> Int {
    guard case .text(var list) = chunks else { return 0 }
    chunks = .text([])
    var addedByteCount = 0
    let count = selection.count(of: offsets.count - 1)
    unsafe bytes.withUnsafeBufferPointer { bytes in
      for done in 0..<count {
        let row = start + done
        let index = row >> RowChunk.rowShift
        while list.count <= index { list.append(nil) }
        let chunk = list[index] ?? TextChunk()
        if list[index] == nil { list[index] = chunk }
        let before = chunk.byteCount
        chunk.fill(to: row & RowChunk.rowMask)
        let from =
          switch selection {
          case .all: done
          case .rows(let rows): Int(rows[rows.startIndex + done])
          }
        let isNull = !validity.isEmpty && validity[from] == 0
        // SAFETY: the caller has checked that offsets ascend and end within `bytes`.
        let text = unsafe UnsafeBufferPointer(rebasing: bytes[offsets[from]..<offsets[from + 1]])
        unsafe chunk.append(isNull ? nil : text)
        addedByteCount += chunk.byteCount - before
      }
    }
    chunks = .text(list)
    return addedByteCount
  }
}
