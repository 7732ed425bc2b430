package import TallyBase

/// What one partition holds.
package struct PartitionSummary: Hashable, Sendable {
  package var day: Day
  /// Rows that are not dead.
  package var rowCount: Int
  package var segmentCount: Int
  /// Bytes of the segment files.
  package var byteCount: Int64
  /// Bounds of `time` in microseconds; dead rows may widen them.
  package var timeMinimum: Int64
  package var timeMaximum: Int64
}

/// What one column takes on disk.
package struct ColumnSummary: Hashable, Sendable {
  package var column: ColumnSchema
  /// Bytes of its pages in all segments, as stored.
  package var byteCount: Int64
  /// Segments that store it; in the others every row has the default.
  package var segmentCount: Int
  /// Rows that are NULL: an upper bound while a segment that stores the column has dead rows.
  package var nullCount: Int
  /// Bytes and entries of its dictionary file; 0 for columns without one.
  package var dictionaryByteCount: Int64
  package var dictionaryEntryCount: Int
}

extension StoreSnapshot {
  /// Ascending by day. From the manifest alone.
  ///
  /// - Complexity: O(segments).
  package func partitions() -> [PartitionSummary] {
    var summaries: [PartitionSummary] = []
    for info in segments.infos {
      if var last = summaries.last, last.day == info.day {
        last.rowCount &+= rowCount(of: info)
        last.segmentCount &+= 1
        last.byteCount &+= info.byteCount
        last.timeMinimum = min(last.timeMinimum, info.timeMinimum)
        last.timeMaximum = max(last.timeMaximum, info.timeMaximum)
        summaries[summaries.count - 1] = last
      } else {
        summaries.append(
          PartitionSummary(
            day: info.day, rowCount: rowCount(of: info), segmentCount: 1,
            byteCount: info.byteCount, timeMinimum: info.timeMinimum,
            timeMaximum: info.timeMaximum))
      }
    }
    return summaries
  }

  /// One a column of the schema, in its order. Reads every segment's footer.
  ///
  /// - Throws: `io`, `corruption`, `version`.
  package func columnSummaries() throws(TallyError) -> [ColumnSummary] {
    var summaries = schema.columns.map { column in
      let extent = dictionaries.extents[column.id] ?? .empty
      return ColumnSummary(
        column: column, byteCount: 0, segmentCount: 0, nullCount: 0,
        dictionaryByteCount: extent.byteCount, dictionaryEntryCount: extent.entryCount)
    }
    for reader in segments {
      let footer = try reader.footer()
      for id in summaries.indices {
        guard let column = footer.column(id: id) else {
          if summaries[id].column.defaultValue.isNull {
            summaries[id].nullCount &+= rowCount(of: reader.info)
          }
          continue
        }
        summaries[id].segmentCount &+= 1
        summaries[id].nullCount &+= min(column.zoneMap.nullCount, rowCount(of: reader.info))
        for chunk in column.chunks {
          for page in chunk.pages { summaries[id].byteCount &+= Int64(page.storedByteCount) }
        }
      }
    }
    return summaries
  }
}
