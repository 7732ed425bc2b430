package import SystemPackage

extension StoreLayout {
  package var log: FilePath { root.appending("wal") }
  /// A log file on its way: renamed to its number.
  package var logTemporary: FilePath { log.appending("NEXT.tmp") }

  package func logFile(number: UInt64) -> FilePath {
    log.appending(StoreLayout.padded(number) + ".wal")
  }

  /// The number in a log file's name, or nil if it is not one.
  package static func logNumber(name: String) -> UInt64? {
    guard name.hasSuffix(".wal"), let number = UInt64(name.dropLast(4)) else { return nil }
    return padded(number) + ".wal" == name ? number : nil
  }
}
