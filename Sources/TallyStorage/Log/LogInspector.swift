package import SystemPackage
package import TallyBase
import TallyFile

/// One file of a log, as it was found.
package struct LogFileReport: Sendable {
  package var number: UInt64
  package var path: FilePath
  package var byteCount: Int64
  /// Bytes up to the end of the last record that counts.
  package var usedByteCount: Int64 = 0
  /// The first record that the file holds or would hold; nil if its header cannot be read.
  package var firstLSN: UInt64?
  package var recordCount = 0
  /// Microseconds since 1970; nil if the header cannot be read.
  package var createdMicroseconds: Int64?
  /// What is wrong with it.
  package var finding: TallyError?
}

/// Reads every byte of a log and says what it found.
package struct LogInspector {
  let place: LogPlace

  package init(at place: LogPlace) { self.place = place }

  /// All files that are there, by number, those kept for repair included. Goes on after a finding.
  /// Safe while the log is written, but then the newest file may be reported as damaged: look
  /// again before believing it.
  ///
  /// - Throws: `io` if the directory cannot be read.
  package func files() throws(TallyError) -> [LogFileReport] {
    var reports: [LogFileReport] = []
    var headers: [LogFileHeader?] = []
    for number in try LogListing.numbers(place.layout, fileSystem: place.fileSystem) {
      var report = LogFileReport(
        number: number, path: place.layout.logFile(number: number), byteCount: 0)
      var header: LogFileHeader?
      do throws(TallyError) {
        header = try LogListing.header(
          number, place.layout, fileSystem: place.fileSystem, storeID: place.storeID)
      } catch {
        report.finding = error
      }
      report.firstLSN = header?.firstLSN
      report.createdMicroseconds = header?.createdMicroseconds
      headers.append(header)
      reports.append(report)
    }
    for index in reports.indices {
      guard let header = headers[index] else { continue }
      // Without the next file's header nothing says how many records there should be.
      let next = index + 1 < headers.count ? headers[index + 1]?.firstLSN : nil
      inspect(header, end: next, &reports[index])
    }
    return reports
  }

  private func inspect(
    _ header: LogFileHeader, end: UInt64?, _ report: inout LogFileReport
  ) {
    do throws(TallyError) {
      let file = try place.fileSystem.open(report.path, .read)
      report.byteCount = try file.byteCount()
      var scanner = try LogScanner(file: file, header: header, end: end)
      defer {
        report.usedByteCount = Int64(scanner.offset)
        report.recordCount = Int(clamping: scanner.expectedLSN - header.firstLSN)
      }
      while try scanner.next() != nil {}
      try file.close()
    } catch {
      report.finding = error.inFile(report.path)
    }
  }
}
