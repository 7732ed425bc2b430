extension SegmentReader {
  /// Takes the segment's pages from the cache: no state that is made from now on has the segment.
  /// Queries of older states read what they need again.
  func forgetPages() {
    guard let footer = knownFooter else { return }
    for case let column? in footer.columns {
      for (rowGroup, chunk) in column.chunks.enumerated() {
        cache.remove(
          chunk.pages.indices.lazy.map { index in
            self.key(column: column.columnID, rowGroup: rowGroup, index: index)
          })
      }
    }
  }
}
