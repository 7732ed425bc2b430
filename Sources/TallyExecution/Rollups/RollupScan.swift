import TallyBase
import TallyPlanning
import TallyStorage

/// What is read from tables of sums in place of rows.
struct RollupScan: Sendable {
  var needs: RollupNeeds
  var slices: [RollupSlice]
  var layout: PartialLayout
  /// Whether some slice has rows outside the time range.
  var testsTime: Bool
  /// By column of the scan: whether a key, a condition or a test reads it.
  var isRead: [Bool]
  /// Rows of tables that are read.
  var rowCount: Int
}
