internal import TallyBase
internal import TallyStorage

/// Many events on their way into a store in one commit: all become visible by ``commit()``, or
/// none does. Faster than appending, because nothing goes through the log.
///
///     let load = try database.beginBulkLoad()
///     try load.add(events)
///     try load.commit()
///
/// Any number of threads may add. A load that is dropped without a commit leaves nothing behind.
public final class BulkLoad: Sendable {
  private let bulk: BulkImport
  private let store: Store

  init(store: Store) throws(TallyError) {
    self.store = store
    bulk = try store.beginImport()
  }

  /// Takes events.
  ///
  /// - Throws: ``DatabaseError`` with code `invalidInput` naming the event and field that cannot be
  ///   taken; then none of the call's events is.
  public func add(_ events: [Event]) throws(DatabaseError) {
    try publicly { () throws(TallyError) in
      try bulk.add(try EventEncoder(schema: try store.schema).encode(events))
    }
  }

  /// Makes the events durable and visible, to other processes too.
  ///
  /// - Returns: the number of rows added.
  /// - Throws: ``DatabaseError`` with code `io`, `diskFull` or `corruption`; the store is as it
  ///   was.
  @discardableResult
  public func commit() throws(DatabaseError) -> Int {
    try publicly { () throws(TallyError) in try bulk.commit().rowCount }
  }

  /// Gives the load up; the store is as before.
  public func cancel() { bulk.abort() }
}
