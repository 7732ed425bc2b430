internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Opens, lends and keeps the connections of one client. Who waits longest is served first.
final class ConnectionPool: Sendable {
  enum Use: Sendable {
    /// Nobody else may use the connection meanwhile.
    case exclusive
    /// Up to `sharedCountMax` may.
    case shared
  }

  /// Requests under way on one connection; the server takes 128 and then stops reading.
  static let sharedCountMax = 64

  fileprivate struct Entry {
    let connection: ClientConnection
    var sharedCount = 0
    var isExclusive = false
  }

  /// What whoever waits gets.
  fileprivate enum Grant: Sendable {
    case connection(ClientConnection)
    /// Leave to open one more.
    case slot
  }

  fileprivate struct Waiter {
    let use: Use
    let grant: OneShot<Grant>
  }

  fileprivate struct State {
    var entries: [Entry] = []
    /// Connections that are being opened.
    var openingCount = 0
    var waiters: [Waiter] = []
    var isClosed = false
  }

  private let configuration: TallyClient.Configuration
  private let state = Mutex(State())

  init(_ configuration: TallyClient.Configuration) { self.configuration = configuration }

  deinit {
    for entry in state.withLock({ $0.entries }) { entry.connection.close() }
  }

  /// Connections that are open.
  var connectionCount: Int { state.withLock { $0.entries.count } }

  // MARK: Lending

  /// A connection for `use`. Every success must be followed by one `release`.
  func borrow(_ use: Use) async throws(TallyClientError) -> ClientConnection {
    let countMax = configuration.connectionCountMax
    let waiterCountMax = configuration.waiterCountMax
    let waiter = Waiter(use: use, grant: OneShot())
    let failure = state.withLock { state -> TallyClientError? in
      if state.isClosed { return .closedClient }
      if state.waiters.isEmpty, let grant = state.grant(use, countMax) {
        waiter.grant.set(.success(grant))
        return nil
      }
      guard state.waiters.count < waiterCountMax else {
        return TallyClientError(
          .poolFull, "\(waiterCountMax) requests wait for a connection already", isRetryable: true)
      }
      state.waiters.append(waiter)
      return nil
    }
    if let failure { throw failure }
    let timer = MultiThreadedEventLoopGroup.singleton.next().scheduleTask(
      in: TimeAmount(configuration.acquireTimeout)
    ) {
      let error = TallyClientError(
        .poolFull, "no connection became free in time", isRetryable: true)
      waiter.grant.set(.failure(error))
    }
    defer { timer.cancel() }
    do throws(TallyClientError) {
      switch try await waiter.grant.get() {
      case .connection(let connection): return connection
      case .slot: return try await openInSlot(use)
      }
    } catch {
      state.withLock { state in state.waiters.removeAll { $0.grant === waiter.grant } }
      throw error
    }
  }

  /// Opens a connection in a slot that is held for it.
  private func openInSlot(_ use: Use) async throws(TallyClientError) -> ClientConnection {
    let connection: ClientConnection
    do throws(TallyClientError) {
      connection = try await ClientConnection.open(configuration)
    } catch {
      change { $0.openingCount -= 1 }
      throw error
    }
    let isClosed = state.withLock { state in
      state.openingCount -= 1
      var entry = Entry(connection: connection)
      entry.begin(use)
      if !state.isClosed { state.entries.append(entry) }
      return state.isClosed
    }
    if isClosed {
      connection.close()
      throw .closedClient
    }
    connection.whenClosed { [weak self] in
      self?.change { state in state.entries.removeAll { $0.connection === connection } }
    }
    // There may be room on it for others who share.
    change { _ in }
    return connection
  }

  /// Gives a connection back.
  func release(_ connection: ClientConnection, _ use: Use) {
    var isOver = false
    change { state in
      guard let index = state.entries.firstIndex(where: { $0.connection === connection }) else {
        return
      }
      state.entries[index].end(use)
      guard state.entries[index].isIdle, !connection.isUsable else { return }
      state.entries.remove(at: index)
      isOver = true
    }
    if isOver { connection.close() }
  }

  func close() async {
    let (connections, waiters) = state.withLock { state in
      defer {
        state.isClosed = true
        state.entries = []
        state.waiters = []
      }
      return (state.entries.map(\.connection), state.waiters)
    }
    for waiter in waiters { waiter.grant.set(.failure(.closedClient)) }
    for connection in connections {
      connection.close()
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        connection.whenClosed { continuation.resume() }
      }
    }
  }

  /// Changes the state and serves those who wait, in their order.
  private func change(_ body: (inout State) -> Void) {
    let countMax = configuration.connectionCountMax
    state.withLock { state in
      body(&state)
      while let first = state.waiters.first, let grant = state.grant(first.use, countMax) {
        state.waiters.removeFirst()
        // Who has given up does not take it.
        if !first.grant.set(.success(grant)) { state.revoke(grant, first.use) }
      }
    }
  }
}

extension ConnectionPool.Entry {
  fileprivate var isIdle: Bool { sharedCount == 0 && !isExclusive }

  fileprivate func isFree(for use: ConnectionPool.Use) -> Bool {
    guard !isExclusive, connection.isUsable else { return false }
    return sharedCount < (use == .exclusive ? 1 : ConnectionPool.sharedCountMax)
  }

  fileprivate mutating func begin(_ use: ConnectionPool.Use) {
    if use == .exclusive { isExclusive = true } else { sharedCount += 1 }
  }

  fileprivate mutating func end(_ use: ConnectionPool.Use) {
    if use == .exclusive { isExclusive = false } else { sharedCount -= 1 }
  }
}

extension ConnectionPool.State {
  /// The least busy connection, or leave to open one if all are busy; nil: wait.
  fileprivate mutating func grant(
    _ use: ConnectionPool.Use, _ countMax: Int
  ) -> ConnectionPool.Grant? {
    let free = entries.indices.filter { entries[$0].isFree(for: use) }
    let best = free.min { entries[$0].sharedCount < entries[$1].sharedCount }
    if let best, entries[best].sharedCount == 0 || entries.count + openingCount >= countMax {
      entries[best].begin(use)
      return .connection(entries[best].connection)
    }
    guard entries.count + openingCount < countMax else { return nil }
    openingCount += 1
    return .slot
  }

  /// Takes back what nobody took.
  fileprivate mutating func revoke(_ grant: ConnectionPool.Grant, _ use: ConnectionPool.Use) {
    switch grant {
    case .slot: openingCount -= 1
    case .connection(let connection):
      if let index = entries.firstIndex(where: { $0.connection === connection }) {
        entries[index].end(use)
      }
    }
  }
}
