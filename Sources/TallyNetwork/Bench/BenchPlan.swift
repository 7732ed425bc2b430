import NIOCore

/// What a load is made of. All bytes are there before the clock starts.
struct BenchPlan: Sendable {
  var kind: String
  /// Sent in turn, by every connection from another one on.
  var requests: [ByteBuffer]
  /// Of all requests; told apart where they are numbered.
  var rowsPerRequest = 0
  var connectionCount: Int
  /// Requests of one connection that may be unanswered.
  var depth: Int
  var warmUp: TimeAmount
  var duration: TimeAmount
  /// Requests a second of all connections, begun at fixed times; nil: each begins when an earlier
  /// one was answered.
  var rate: Double?
  /// Requests that every connection begins with, unmeasured.
  var greeting: [String] = []
  var isEncrypted = false

  /// Many copies of the one request in a row, so that several are one write.
  let repeated: ByteBuffer?

  init(
    kind: String, requests: [ByteBuffer], connectionCount: Int, depth: Int, warmUp: TimeAmount,
    duration: TimeAmount
  ) {
    self.kind = kind
    self.requests = requests
    self.connectionCount = connectionCount
    self.depth = depth
    self.warmUp = warmUp
    self.duration = duration
    guard requests.count == 1, let only = requests.first else {
      repeated = nil
      return
    }
    var all = ByteBuffer()
    all.reserveCapacity(only.readableBytes * depth)
    for _ in 0..<depth { all.writeImmutableBuffer(only) }
    repeated = all
  }
}

/// What a load did.
struct BenchReport: Sendable {
  var kind: String
  var connectionCount: Int
  var depth: Int
  var rate: Double?
  var seconds: Double
  var requestCount = 0
  var failureCount = 0
  var unansweredCount = 0
  var rowCount = 0
  var sentByteCount = 0
  var receivedByteCount = 0
  var latencies = LatencyHistogram()
  /// The first line of an error.
  var firstFailure: String?
}
