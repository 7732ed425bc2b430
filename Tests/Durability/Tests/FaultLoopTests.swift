import DurabilityKit
import TallyTestSupport
import Testing

/// Every call to the file system made to fail in turn.
@Suite("Failing calls") struct FaultLoopTests {
  /// Release builds fail every call.
  private static func run(
    _ kind: FaultLoop.Kind, debugSiteStride: Int
  ) throws -> (callCount: Int, missing: [FaultCoverage.Site]) {
    #if DEBUG
      try FaultLoop.run(kind, stride: 499, siteStride: debugSiteStride, together: 6)
    #else
      try FaultLoop.run(kind, stride: 1, siteStride: 1)
    #endif
  }

  @Test("A call that fails loses nothing acknowledged", arguments: FaultLoop.kinds.dropFirst())
  func failing(_ kind: FaultLoop.Kind) throws {
    #expect(try FaultLoopTests.run(kind, debugSiteStride: 11).callCount > 5)
  }

  @Test("Every kind of call on every kind of path has been made to fail")
  func covering() throws {
    let result = try FaultLoopTests.run(FaultLoop.kinds[0], debugSiteStride: 1)
    #expect(result.callCount > 100)
    #expect(result.missing.isEmpty)
  }
}
