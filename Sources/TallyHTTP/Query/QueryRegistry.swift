internal import Synchronization
internal import TallyWire

/// The queries that have not been answered to the end, by org and name.
final class QueryRegistry: Sendable {
  private struct Key: Hashable {
    var org: String?
    var id: String
  }

  private let queries = Mutex<[Key: RunningQuery]>([:])

  var count: Int { queries.withLock { $0.count } }

  /// - Throws: `E_TAG` if the org has one of this name.
  func insert(_ query: RunningQuery, org: String?) throws(WireError) {
    let isNew = queries.withLock { queries in
      let key = Key(org: org, id: query.id)
      guard queries[key] == nil else { return false }
      queries[key] = query
      return true
    }
    guard isNew else {
      throw WireError(
        .tag, "a query that is running has this X-Query-Id", fields: [WireField("tag", query.id)])
    }
  }

  func remove(_ query: RunningQuery, org: String?) {
    _ = queries.withLock { $0.removeValue(forKey: Key(org: org, id: query.id)) }
  }

  /// - Parameter org: whose it must be; nil: anybody's.
  func find(_ id: String, org: String?) -> RunningQuery? {
    queries.withLock { queries in
      guard org == nil else { return queries[Key(org: org, id: id)] }
      return queries[Key(org: nil, id: id)] ?? queries.first { $0.key.id == id }?.value
    }
  }

  func stopAll(_ error: WireError) {
    for query in queries.withLock({ Array($0.values) }) { query.stop(error) }
  }
}
