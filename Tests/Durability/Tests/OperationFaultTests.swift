import DurabilityKit
import Testing

/// Each operation of a store with calls to the file system failing under it.
@Suite("Failing calls of each operation") struct OperationFaultTests {
  @Test(
    "An operation that fails leaves the store as before or as after, and can be done again",
    arguments: FaultOperation.all.map(\.name))
  func operation(_ name: String) throws {
    for operation in FaultOperation.all where operation.name == name {
      #if DEBUG
        let row = try OperationFaults.run(operation, isThorough: false)
      #else
        let row = try OperationFaults.run(operation, isThorough: true)
        #expect(row.missing.isEmpty)
        #expect(row.faultCount >= 5 * row.callCount)
      #endif
      #expect(row.failures.isEmpty)
      #expect(row.siteCount > 5)
    }
  }
}
