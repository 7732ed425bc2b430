internal import NIOCore
internal import NIOSSL
internal import TallyWire

/// The client's end of one connection: numbers its requests, and hands each reply to whoever
/// asked. Lives on its channel's event loop.
final class ClientHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// How often it is looked whether the server is silent for too long.
  private static let watchInterval = TimeAmount.milliseconds(250)

  fileprivate struct Pending {
    var sink: any ReplySink
    /// Nil: may take for ever.
    var timeout: TimeAmount?
    var deadline = NIODeadline.distantFuture
  }

  private var decoder = ReplyDecoder()
  private var pending: [String: Pending] = [:]
  private var context: ChannelHandlerContext?
  private var isReading = false
  private var isPaused = false
  private var isFlushing = false
  private var failure: TallyClientError?
  private var watch: RepeatedTask?
  /// Called when the server says that it takes no more.
  private let retire: @Sendable () -> Void

  init(retire: @escaping @Sendable () -> Void) { self.retire = retire }

  // MARK: Requests

  /// Sends a request that bears `tag`.
  func send(_ bytes: ByteBuffer, tag: String, sink: any ReplySink, timeout: TimeAmount?) {
    guard let context, failure == nil else {
      sink.fail(failure ?? ClientHandler.lost)
      return
    }
    pending[tag] = Pending(sink: sink, timeout: timeout, deadline: deadline(timeout))
    context.write(wrapOutboundOut(bytes), promise: nil)
    guard !isFlushing else { return }
    // Requests of many tasks go out together.
    isFlushing = true
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.eventLoop.execute {
      bound.value.isFlushing = false
      bound.value.context?.flush()
    }
  }

  private func deadline(_ timeout: TimeAmount?) -> NIODeadline {
    timeout.map { .now() + $0 } ?? .distantFuture
  }

  /// Reads again after a sink was full.
  func resume() {
    guard isPaused else { return }
    isPaused = false
    pending = pending.mapValues { request in
      var request = request
      request.deadline = deadline(request.timeout)
      return request
    }
    readIfWanted()
  }

  /// Ends the connection; what was asked fails with `error`.
  func end(_ error: TallyClientError) {
    if failure == nil { failure = error }
    context?.close(promise: nil)
    failAll()
  }

  private func failAll() {
    let error = failure ?? ClientHandler.lost
    let waiting = pending.values
    pending = [:]
    for request in waiting { request.sink.fail(error) }
  }

  private static let lost = TallyClientError(
    .lost, "the connection ended before the answer did", isRetryable: true)

  // MARK: Channel events

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { begin(context) }
  }

  func channelActive(context: ChannelHandlerContext) { begin(context) }

  private func begin(_ context: ChannelHandlerContext) {
    guard watch == nil else { return }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    watch = context.eventLoop.scheduleRepeatedTask(
      initialDelay: ClientHandler.watchInterval, delay: ClientHandler.watchInterval
    ) { _ in
      bound.value.checkDeadlines()
    }
    readIfWanted()
  }

  private func checkDeadlines() {
    let now = NIODeadline.now()
    guard !isPaused, pending.values.contains(where: { $0.deadline < now }) else { return }
    end(
      TallyClientError(.timeout, "the server did not answer in time", isRetryable: true))
  }

  private func readIfWanted() {
    guard !isReading, !isPaused, let context else { return }
    isReading = true
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    decoder.feed(Array(unwrapInboundIn(data).readableBytesView))
    do throws(WireError) {
      while let reply = try decoder.next() { dispatch(reply) }
    } catch {
      end(TallyClientError(error))
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    readIfWanted()
  }

  func channelInactive(context: ChannelHandlerContext) {
    watch?.cancel()
    self.context = nil
    failAll()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    watch?.cancel()
    self.context = nil
    if failure == nil { failure = ClientHandler.lost }
    failAll()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if error.isAboutTrust {
      return end(TallyClientError(.connect, "TLS could not be agreed on: \(error)"))
    }
    end(TallyClientError(.lost, "the connection failed: \(error)", isRetryable: true))
  }

  // MARK: Replies

  private func dispatch(_ reply: Reply) {
    guard let tag = reply.tag else { return take(untagged: reply) }
    guard var request = pending[tag] else { return }
    if !request.sink.take(reply) { isPaused = true }
    if reply.isLast, !request.isEndless(after: reply) {
      pending[tag] = nil
    } else {
      request.deadline = deadline(request.timeout)
      pending[tag] = request
    }
  }

  /// What is about the whole connection.
  private func take(untagged reply: Reply) {
    switch reply.kind {
    case .notice("shutdown", _): retire()
    case .failure(let error): end(TallyClientError(error))
    default: break
    }
  }
}

extension ClientHandler.Pending {
  /// A subscription goes on after its answer and after each result.
  fileprivate func isEndless(after reply: Reply) -> Bool {
    if case .failure = reply.kind { return false }
    return timeout == nil
  }
}

extension Error {
  /// Whether trying again would fail again: the server is not whom it claims to be.
  fileprivate var isAboutTrust: Bool {
    if self is NIOSSLExtraError { return true }
    if case .handshakeFailed? = self as? NIOSSLError { return true }
    return false
  }
}
