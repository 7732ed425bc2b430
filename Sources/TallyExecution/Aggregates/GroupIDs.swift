import TallyBase

/// The group of each row of a batch.
struct GroupIDs {
  /// Flat ids, one a row; unspecified when `constant` is set.
  let ids: UnsafePointer<UInt32>
  /// The one group of every row.
  let constant: UInt32?
  let rowCount: Int
}
