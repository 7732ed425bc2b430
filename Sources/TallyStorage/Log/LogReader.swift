import SystemPackage
package import TallyBase
import TallyFile

/// Reads records that are in segments already from the files kept for repair.
package struct LogReader {
  let place: LogPlace

  package init(at place: LogPlace) { self.place = place }

  /// Visits the records of `lsns`, in order. Safe while the log is written.
  ///
  /// - Returns: whether all of them were there. If not, some may have been visited: forget them.
  /// - Throws: `corruption` if a file that should hold some is damaged, `version`, `io`, and what
  ///   `visit` throws.
  /// - Complexity: O(bytes of the files that hold them); memory for one record.
  package func records(
    in lsns: ClosedRange<UInt64>, visit: (LogRecord) throws(TallyError) -> Void
  ) throws(TallyError) -> Bool {
    let listing = try LogListing.read(
      place.layout, fileSystem: place.fileSystem, storeID: place.storeID, from: lsns.lowerBound)
    guard let first = listing.headers.first, first.firstLSN <= lsns.lowerBound else {
      return false
    }
    var nextLSN = lsns.lowerBound
    for (index, header) in listing.headers.enumerated() where nextLSN <= lsns.upperBound {
      let next = index + 1 < listing.headers.count ? listing.headers[index + 1].firstLSN : nil
      if let next, next <= nextLSN { continue }
      guard header.firstLSN <= nextLSN else { return false }
      nextLSN = try visitFile(
        header, end: next, lsns: nextLSN...lsns.upperBound, visit: visit)
    }
    return nextLSN > lsns.upperBound
  }

  /// - Returns: the LSN after the last one visited.
  private func visitFile(
    _ header: LogFileHeader, end: UInt64?, lsns: ClosedRange<UInt64>,
    visit: (LogRecord) throws(TallyError) -> Void
  ) throws(TallyError) -> UInt64 {
    let path = place.layout.logFile(number: header.number)
    var nextLSN = lsns.lowerBound
    do throws(TallyError) {
      let file = try place.fileSystem.open(path, .read)
      var scanner = try LogScanner(file: file, header: header, end: end)
      while nextLSN <= lsns.upperBound, let record = try scanner.next() {
        guard record.lsn >= nextLSN else { continue }
        try visit(record)
        nextLSN = record.lsn + 1
      }
      try file.close()
    } catch {
      throw error.inFile(path)
    }
    return nextLSN
  }
}
