internal import NIOCore
internal import NIOHTTP1

/// Nothing came of a body for too long.
struct BodyStall: Error {}

/// Keeps a connection within its times, and the framing of responses right for what was asked:
/// `HEAD`, HTTP/1.0, `Connection: close`. Lives on its channel's event loop.
final class RequestHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  /// A request that has not been answered to the end.
  private struct Pending {
    var isHead: Bool
    var version: HTTPVersion
    /// Whether the connection ends after its response.
    var closes: Bool
  }

  private let state: ConnectionState
  private let configuration: HTTPConfiguration
  private var pending: [Pending] = []
  private var isReadingBody = false
  private var hasHadRequest = false
  /// Whether what comes is dropped.
  private var isDeaf = false
  private var isClosing = false
  /// When something last came in, went out or changed, in nanoseconds.
  private var latestEvent: UInt64
  /// Since when the socket takes nothing, and the bytes that waited for it then.
  private var blocked: (since: UInt64, byteCount: Int)?
  private var timer: Scheduled<Void>?
  private var timerDeadline: UInt64?

  init(_ state: ConnectionState, _ configuration: HTTPConfiguration) {
    self.state = state
    self.configuration = configuration
    latestEvent = NIODeadline.now().uptimeNanoseconds
  }

  private var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

  // MARK: Coming in

  func handlerAdded(context: ChannelHandlerContext) { reschedule(context) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isDeaf else { return }
    latestEvent = now
    switch unwrapInboundIn(data) {
    case .head(let head):
      hasHadRequest = true
      isReadingBody = true
      pending.append(
        Pending(
          isHead: head.method == .HEAD, version: head.version,
          closes: !head.isKeepAlive || head.version != .http1_1))
    case .body: break
    case .end:
      isReadingBody = false
      state.endRequest()
      isDeaf = pending.last?.closes == true
    }
    context.fireChannelRead(data)
    reschedule(context)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .some(.inputClosed) = event as? ChannelEvent {
      if isClosing { return context.close(promise: nil) }
      let state = state
      context.eventLoop.scheduleTask(in: .milliseconds(Int64(configuration.graceMilliseconds))) {
        state.leave()
      }
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    timer = nil
    state.leave()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    isDeaf = true
    context.fireErrorCaught(error)
  }

  // MARK: Going out

  func write(
    context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
  ) {
    guard !isClosing else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    latestEvent = now
    switch unwrapOutboundIn(data) {
    case .head(let head): write(head, context, promise)
    case .body(let body):
      guard pending.first?.isHead != true else { return writeNothing(context, promise) }
      context.write(wrapOutboundOut(.body(body)), promise: promise)
    case .end(let trailers): end(trailers, context, promise)
    }
  }

  private func write(
    _ head: HTTPResponseHead, _ context: ChannelHandlerContext,
    _ promise: EventLoopPromise<Void>?
  ) {
    var head = head
    // What was no request is answered too.
    if pending.isEmpty { pending.append(Pending(isHead: false, version: .http1_1, closes: true)) }
    let request = pending[0]
    if (100..<200).contains(head.status.code) {
      guard request.version == .http1_1 else { return writeNothing(context, promise) }
      return context.write(wrapOutboundOut(.head(head)), promise: promise)
    }
    head.version = request.version == .http1_1 ? .http1_1 : .http1_0
    if head.headers.contains(name: "connection") { pending[0].closes = true }
    if pending[0].closes { head.headers.replaceOrAdd(name: "connection", value: "close") }
    context.write(wrapOutboundOut(.head(head)), promise: promise)
  }

  private func end(
    _ trailers: HTTPHeaders?, _ context: ChannelHandlerContext,
    _ promise: EventLoopPromise<Void>?
  ) {
    let request = pending.isEmpty ? nil : pending.removeFirst()
    if request?.isHead == true {
      // The end of chunks would be taken for the start of the next response.
      writeNothing(context, promise)
    } else {
      context.write(wrapOutboundOut(.end(trailers)), promise: promise)
    }
    if request?.closes == true { linger(context) }
    reschedule(context)
  }

  /// Keeps the order of promises.
  private func writeNothing(
    _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?
  ) {
    guard let promise else { return }
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer()))), promise: promise)
  }

  /// Lets what was written go out, then closes: a connection closed at once would be reset, and
  /// the response lost.
  private func linger(_ context: ChannelHandlerContext) {
    isClosing = true
    isDeaf = true
    state.beginClosing()
    context.flush()
    context.close(mode: .output, promise: nil)
    timer?.cancel()
    let channel = context.channel
    timer = context.eventLoop.scheduleTask(
      in: .milliseconds(Int64(configuration.lingerMilliseconds))
    ) {
      channel.close(promise: nil)
    }
  }

  // MARK: Time

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    blocked = context.channel.isWritable ? nil : (now, waitingByteCount(context))
    context.fireChannelWritabilityChanged()
    reschedule(context)
  }

  private func waitingByteCount(_ context: ChannelHandlerContext) -> Int {
    let count = try? context.channel.syncOptions?.getOption(ChannelOptions.bufferedWritableBytes)
    return count ?? 0
  }

  /// When the connection has waited too long; nil: it may wait.
  private var deadline: UInt64? {
    if let blocked { return blocked.since + nanoseconds(configuration.slowReaderMilliseconds) }
    if isReadingBody, pending.count <= 1 {
      return latestEvent + nanoseconds(configuration.stallMilliseconds)
    }
    guard pending.isEmpty else { return nil }
    let milliseconds =
      hasHadRequest ? configuration.keepAliveMilliseconds : configuration.headMilliseconds
    return latestEvent + nanoseconds(milliseconds)
  }

  private func nanoseconds(_ milliseconds: Int) -> UInt64 { UInt64(milliseconds) * 1_000_000 }

  private func reschedule(_ context: ChannelHandlerContext) {
    guard !isClosing, let deadline else { return }
    if let timerDeadline, timerDeadline <= deadline { return }
    timer?.cancel()
    timerDeadline = deadline
    let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(deadline: .uptimeNanoseconds(deadline)) {
      handler.value.fire(bound.value)
    }
  }

  private func fire(_ context: ChannelHandlerContext) {
    timerDeadline = nil
    guard !isClosing, let deadline else { return }
    guard deadline <= now else { return reschedule(context) }
    if let blocked {
      let byteCount = waitingByteCount(context)
      guard byteCount < blocked.byteCount else { return context.close(promise: nil) }
      self.blocked = (now, byteCount)
      return reschedule(context)
    }
    guard isReadingBody, pending.count == 1 else { return context.close(promise: nil) }
    isReadingBody = false
    isDeaf = true
    context.fireErrorCaught(BodyStall())
  }
}
