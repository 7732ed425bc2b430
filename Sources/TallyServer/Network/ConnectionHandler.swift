internal import Logging
internal import NIOCore
internal import TallyAuth
internal import TallyBase
internal import TallyWire

/// Connects a socket to a ``ConnectionMachine``. Lives on its channel's event loop.
final class ConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// How long a closed connection's last bytes may take to go out.
  private static let lingering = TimeAmount.seconds(2)

  let server: ServerContext
  let number: UInt64
  private let logger: Logger
  private let decoders = PayloadDecoders()
  var machine: ConnectionMachine?
  private var address: AccessGate.Address?
  private var timer: Scheduled<Void>?
  private var timerDeadline: UInt64?
  /// Bytes that waited for the socket when it was last looked at.
  private var waitingByteCount = 0
  private var isClosing = false
  private var isReading = false
  /// Since when it is not read, because too much waits to be written.
  var heldSince: UInt64?
  /// Bytes of this connection that ``RequestMemory`` knows of.
  var reportedByteCount = 0

  init(server: ServerContext) {
    self.server = server
    number = server.registry.nextNumber()
    var logger = server.logger
    logger[metadataKey: "conn"] = "\(number)"
    self.logger = logger
  }

  var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

  // MARK: Channel events

  func channelActive(context: ChannelHandlerContext) {
    let address = context.remoteAddress
    let isLoopback = address.map { ClientAddress.isLoopback($0) } ?? false
    logger.debug("connected", metadata: ["peer": "\(address?.description ?? "unknown")"])
    var identity = ConnectionMachine.Identity(
      number: number, key: ConnectionRegistry.makeKey(), isLoopback: isLoopback,
      authenticator: server.access)
    self.address = address.flatMap { ClientAddress.of($0) }
    identity.address = self.address
    identity.isTLS = server.configuration.tls != nil
    identity.metrics = server.runner.metrics
    let server = server
    machine = ConnectionMachine(
      identity, limits: server.configuration.connection, at: now,
      keptReply: { server.runner.keptReply($0, $1, $2) },
      serverFields: { server.statusFields })
    machine?.refusesEvents = { server.memory.verdict(at: $0) == .refused }
    guard server.registry.count < server.configuration.connectionCountMax else {
      update(context) { machine, _ in
        machine.close(
          with: WireError(
            .busy, "too many connections are open", fields: [WireField("after_ms", "1000")]))
      }
      return
    }
    register(context, key: identity.key)
    update(context) { _, _ in }
  }

  private func register(_ context: ChannelHandlerContext, key: String) {
    let loop = context.eventLoop
    let handler = NIOLoopBound(self, eventLoop: loop)
    let bound = NIOLoopBound(context, eventLoop: loop)
    let entry = ConnectionRegistry.Entry(
      key: key,
      cancel: { tag, completion in
        loop.execute {
          var count = 0
          handler.value.update(bound.value) { machine, now in
            count = machine.cancel(tag: tag, at: now)
            machine.advance(at: now)
          }
          completion(count)
        }
      },
      drain: { milliseconds in
        loop.execute {
          handler.value.update(bound.value) { machine, now in
            machine.drain(withinMilliseconds: milliseconds, at: now)
          }
        }
      },
      close: {
        loop.execute {
          handler.value.update(bound.value) { machine, _ in
            machine.close(with: WireError(.shutdown, "the server has stopped"))
          }
        }
      })
    server.registry.insert(entry, number: number)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    guard !isClosing else { return }
    update(context) { machine, now in machine.receive(buffer.readableBytesView, at: now) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    readIfWanted(context)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    let isWritable = context.channel.isWritable
    waitingByteCount = bufferedByteCount(context)
    update(context) { machine, now in machine.setWritable(isWritable, at: now) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .some(.inputClosed) = event as? ChannelEvent {
      if isClosing { return context.close(promise: nil) }
      update(context) { machine, now in machine.endInput(at: now) }
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    machine?.disconnect()
    machine = nil
    heldSince = nil
    server.memory.forget(number)
    reportMemory()
    server.registry.remove(number)
    logger.debug("disconnected")
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    logger.debug("connection failed", metadata: ["error": "\(error)"])
    context.close(promise: nil)
  }

  // MARK: The machine

  /// Changes the machine and does what it asks for.
  func update(
    _ context: ChannelHandlerContext, _ body: (inout ConnectionMachine, UInt64) -> Void
  ) {
    guard machine != nil, !isClosing else { return }
    let now = now
    var hasWritten = false
    if var changed = machine.take() {
      body(&changed, now)
      let actions = changed.takeActions()
      machine = changed
      for action in actions { hasWritten = carryOut(action, context) || hasWritten }
    }
    if hasWritten { context.flush() }
    if isClosing { return linger(context) }
    reportMemory()
    reschedule(context)
    readIfWanted(context)
  }

  /// Whether bytes were written.
  private func carryOut(
    _ action: ConnectionMachine.Action, _ context: ChannelHandlerContext
  ) -> Bool {
    switch action {
    case .send(let bytes):
      context.write(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
      return true
    case .run(let work):
      logger.trace("running", metadata: ["request": "\(number).\(work.id)"])
      server.runner.run(work, decoders: decoders, completion: completion(work.id, context))
    case .produce(let id, let stream):
      server.runner.produce(stream, completion: completion(id, context))
    case .cancel(let cancellation, let tag): cancel(cancellation, tag, context)
    case .audit(let request): server.audit.note(request)
    case .close: isClosing = true
    }
    return false
  }

  private func completion(
    _ id: Int, _ context: ChannelHandlerContext
  ) -> @Sendable (WorkOutcome) -> Void {
    let loop = context.eventLoop
    let handler = NIOLoopBound(self, eventLoop: loop)
    let bound = NIOLoopBound(context, eventLoop: loop)
    return { outcome in
      loop.execute {
        handler.value.log(outcome, id)
        handler.value.update(bound.value) { machine, now in
          machine.finish(id, outcome, at: now)
        }
      }
    }
  }

  private func log(_ outcome: WorkOutcome, _ id: Int) {
    guard let failure = outcome.failure else { return }
    let isOurs = failure.code == .internalError || failure.code == .corrupt || failure.code == .io
    logger.log(
      level: isOurs ? .error : .debug, "request failed",
      metadata: [
        "request": "\(number).\(id)", "code": "\(failure.code.rawValue)",
        "message": "\(failure.message)",
      ])
  }

  private func cancel(
    _ cancellation: Command.Cancellation, _ tag: String?, _ context: ChannelHandlerContext
  ) {
    let loop = context.eventLoop
    let handler = NIOLoopBound(self, eventLoop: loop)
    let bound = NIOLoopBound(context, eventLoop: loop)
    let asker = Asker(
      machine?.principal ?? .anonymous, org: machine?.org, address: address?.text,
      requestID: "\(number)")
    var noted = AuditedRequest(.cancel, by: asker)
    noted.target = "\(cancellation.connection ?? 0)" + (cancellation.tag.map { "#\($0)" } ?? "")
    let audit = server.audit
    let isKnown = machine?.principal != nil
    let completion: @Sendable (Int) -> Void = { [noted] count in
      var noted = noted
      if count == 0 { noted.outcome = "E_STATE" }
      // A stranger who guesses must not fill the log.
      if count > 0 || isKnown { audit.note(noted) }
      loop.execute {
        handler.value.update(bound.value) { machine, now in
          machine.finishCancellation(tag: tag, count: count, at: now)
        }
      }
    }
    let entry = server.registry.find(cancellation.connection ?? 0, key: cancellation.key ?? "")
    guard let entry else { return completion(0) }
    entry.cancel(cancellation.tag, completion)
  }

  // MARK: The socket

  private func readIfWanted(_ context: ChannelHandlerContext) {
    // A closed connection is drained, so that its last reply is not lost to a reset.
    guard !isReading, isClosing || machine?.wantsInput == true else { return }
    guard isClosing || !isHeld(context) else { return }
    isReading = true
    context.read()
  }

  private func bufferedByteCount(_ context: ChannelHandlerContext) -> Int {
    let count = try? context.channel.syncOptions?.getOption(ChannelOptions.bufferedWritableBytes)
    return count ?? 0
  }

  /// Lets what was written go out, then closes.
  private func linger(_ context: ChannelHandlerContext) {
    timer?.cancel()
    server.registry.remove(number)
    machine?.disconnect()
    reportMemory()
    let channel = context.channel
    context.close(mode: .output, promise: nil)
    timer = context.eventLoop.scheduleTask(in: ConnectionHandler.lingering) {
      channel.close(promise: nil)
    }
    readIfWanted(context)
  }

  private func reschedule(_ context: ChannelHandlerContext) {
    guard let deadline = machine?.nextDeadline else { return }
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
    let byteCount = bufferedByteCount(context)
    let hasProgressed = byteCount < waitingByteCount
    waitingByteCount = byteCount
    update(context) { machine, now in
      if hasProgressed { machine.noteProgress(at: now) }
      machine.tick(at: now)
    }
  }
}
