internal import NIOCore
internal import Synchronization
internal import TallyServer
internal import TallyWire

/// What all connections of the HTTP API share.
final class HTTPContext: Sendable {
  let shared: ServerContext
  let configuration: HTTPConfiguration
  let connections = HTTPConnections()
  let queries = QueryRegistry()
  let streams = LiveStreams()
  let usage = UsageMetrics()
  private let isStoppingFlag = Atomic<Bool>(false)
  private let requestCount = Atomic<UInt64>(0)
  private let takingCount = Atomic<Int>(0)
  private let heldByteCount = Atomic<Int>(0)

  init(_ shared: ServerContext, _ configuration: HTTPConfiguration) {
    self.shared = shared
    self.configuration = configuration
  }

  var runner: WorkRunner { shared.runner }
  var isStopping: Bool { isStoppingFlag.load(ordering: .relaxed) }

  /// Takes nothing new. Streams that have no end of their own are ended.
  func stop() {
    isStoppingFlag.store(true, ordering: .relaxed)
    streams.stopAll(WireError(.shutdown, "the server is stopping"))
  }

  /// Queries and batches that have not been answered.
  var inFlightCount: Int { queries.count + takingCount.load(ordering: .relaxed) }

  /// One more batch is being stored; ``endTaking()`` follows.
  func beginTaking() { takingCount.add(1, ordering: .relaxed) }
  func endTaking() { takingCount.subtract(1, ordering: .relaxed) }

  /// The name of a request in the log.
  func nextRequestID() -> String {
    "r-" + String(requestCount.add(1, ordering: .relaxed).newValue, radix: 16)
  }

  /// Keeps room for bytes of a body; false if there is none.
  func hold(_ byteCount: Int) -> Bool {
    let held = heldByteCount.add(byteCount, ordering: .relaxed).newValue
    guard held > configuration.heldByteCountMax else { return true }
    release(byteCount)
    return false
  }

  func release(_ byteCount: Int) { heldByteCount.subtract(byteCount, ordering: .relaxed) }
}

/// The connections that are open.
final class HTTPConnections: Sendable {
  private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

  var count: Int { channels.withLock { $0.count } }

  func insert(_ channel: any Channel) {
    channels.withLock { $0[ObjectIdentifier(channel)] = channel }
    channel.closeFuture.whenComplete { [self] _ in
      _ = channels.withLock { $0.removeValue(forKey: ObjectIdentifier(channel)) }
    }
  }

  func closeAll() {
    for channel in channels.withLock({ Array($0.values) }) { channel.close(promise: nil) }
  }
}
