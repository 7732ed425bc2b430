internal import TallyBase
internal import TallyWire

/// A request that has been read and not been answered to the end. Turns are answered in order.
struct Turn {
  enum Phase {
    /// Waits for turns before it.
    case ready(Work.Kind)
    case running(Work.Kind, CancellationToken)
    /// Rows are left to be sent.
    case streaming(ResultStream)
    /// The next rows are being made.
    case producing
    case done
  }

  let id: Int
  let tag: String?
  /// Bytes of its request.
  let byteCount: Int
  /// When it was read, in nanoseconds.
  let start: UInt64
  /// When a query's time is up.
  var deadline: UInt64?
  var phase: Phase
  /// Replies that wait for the turns before.
  var output: [UInt8] = []
  /// The subscription that begins after it.
  var activates: String?
  /// Whether the connection ends after it.
  var closes = false

  /// Whether it still looks at the store.
  var isExecuting: Bool {
    switch phase {
    case .ready, .running: true
    case .streaming, .producing, .done: false
    }
  }

  var isRunning: Bool {
    if case .running = phase { true } else { false }
  }

  var isDone: Bool {
    if case .done = phase { true } else { false }
  }

  /// Whether it is a query that has not been answered to the end.
  var isStoppable: Bool {
    switch phase {
    case .ready(let kind), .running(let kind, _): kind.isQuery
    case .streaming, .producing: true
    case .done: false
    }
  }
}
