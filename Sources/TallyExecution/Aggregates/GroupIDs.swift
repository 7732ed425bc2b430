import TallyBase

/// The group of each row of a batch.
@safe struct GroupIDs {
  /// Flat ids, one a row; unspecified when `constant` is set.
  let ids: UnsafePointer<UInt32>
  /// The one group of every row.
  let constant: UInt32?
  let rowCount: Int
  /// More than 0: `ids[i]` is the group of the rows up to `runEnds[i]`. Only given to states that
  /// say they take runs.
  var runCount = 0
  var runEnds: UnsafePointer<Int32>?
}
