package import SystemPackage
import TallyBase
import TallyFile

extension StoreLayout {
  /// What erasures left for auditors.
  package var receipts: FilePath { root.appending("receipts") }
  /// Where damaged files go.
  var quarantined: FilePath { root.appending("quarantine") }
}

/// A receipt's file, `receipts/erasure-<seconds since 1970>-<generation>.json`.
enum ReceiptFile {
  /// Writes the receipt durably under a name that says when it was made.
  ///
  /// - Throws: `io`, `diskFull`.
  static func write(
    _ receipt: ErasureReceipt, generation: UInt64, layout: StoreLayout,
    fileSystem: any FileSystem
  ) throws(TallyError) {
    // Also where the directory was there: whoever made it may have been stopped before the sync.
    try fileSystem.createDirectory(layout.receipts)
    try fileSystem.synchronizeDirectory(layout.root)
    let seconds = receipt.timeMicroseconds / 1_000_000
    let name = "erasure-\(seconds)-\(generation)"
    var path = layout.receipts.appending(name + ".json")
    var number = 1
    while try fileSystem.kind(of: path) != nil {
      number += 1
      path = layout.receipts.appending("\(name)-\(number).json")
    }
    let temporary = layout.temporary.appending("RECEIPT")
    if try fileSystem.kind(of: temporary) != nil { try fileSystem.remove(temporary) }
    let file = try fileSystem.open(temporary, .createNew)
    try file.write(Array(receipt.json.utf8), at: 0)
    try file.synchronize()
    try file.close()
    try fileSystem.rename(temporary, to: path)
    try fileSystem.synchronizeDirectory(layout.receipts)
  }
}
