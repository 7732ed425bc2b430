import NIOCore
import TallyBase
import TallyClient

/// One connection of a load: sends prepared bytes and counts the replies.
final class BenchHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let driver: BenchDriver
  private let plan: BenchPlan
  /// The next request to send.
  private var cursor: Int
  /// When the requests that are unanswered began, or should have.
  private var begun = CircularBuffer<UInt64>()
  /// When requests should have begun that had to wait for answers.
  private var late = CircularBuffer<UInt64>()
  private var scanner = BenchReplyScanner()
  private var answeredCount = 0
  private var isReady = false
  private var context: ChannelHandlerContext?

  init(driver: BenchDriver, number: Int) {
    self.driver = driver
    plan = driver.plan
    cursor = number % max(1, driver.plan.requests.count)
  }

  var unansweredCount: Int { begun.count + late.count }
  var acceptedCount: Int { scanner.acceptedCount }
  var failureCount: Int { scanner.failureCount }
  var firstFailure: String? { scanner.firstFailure }

  // MARK: Sending

  /// Sends as many requests as may be unanswered.
  func fill(_ now: UInt64) {
    let count = plan.depth - begun.count
    guard count > 0 else { return }
    for _ in 0..<count { begun.append(now) }
    write(count)
  }

  /// Sends a request that begins at `time`, now or as soon as there is room.
  func begin(_ time: UInt64) {
    guard begun.count < plan.depth, late.isEmpty else { return late.append(time) }
    begun.append(time)
    write(1)
  }

  private func catchUp() {
    let count = min(plan.depth - begun.count, late.count)
    guard count > 0 else { return }
    for _ in 0..<count { begun.append(late.removeFirst()) }
    write(count)
  }

  private func write(_ count: Int) {
    guard let context else { return }
    if let repeated = plan.repeated, let size = plan.requests.first?.readableBytes,
      let bytes = repeated.getSlice(at: repeated.readerIndex, length: size * count)
    {
      driver.sentByteCount += bytes.readableBytes
      context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
      return
    }
    for _ in 0..<count {
      let request = plan.requests[cursor]
      cursor = (cursor + 1) % plan.requests.count
      driver.sentByteCount += request.readableBytes
      context.write(wrapOutboundOut(request), promise: nil)
    }
    context.flush()
  }

  // MARK: Channel events

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { greet(context) }
  }

  func channelActive(context: ChannelHandlerContext) { greet(context) }

  private func greet(_ context: ChannelHandlerContext) {
    guard !plan.greeting.isEmpty else { return becomeReady() }
    let hasSecret = plan.greeting.contains { $0.hasPrefix("AUTH") } && !plan.isEncrypted
    guard !hasSecret || context.remoteAddress?.isThisMachine == true else {
      driver.fail(
        TallyError(.forbidden, "a token would be sent in plain text to another machine"))
      return
    }
    let lines = ByteBuffer(string: plan.greeting.joined())
    context.writeAndFlush(wrapOutboundOut(lines), promise: nil)
  }

  private func becomeReady() {
    guard !isReady else { return }
    isReady = true
    driver.becomeReady()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var buffer = unwrapInboundIn(data)
    driver.receivedByteCount += buffer.readableBytes
    answeredCount += scanner.scan(&buffer)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    guard answeredCount > 0 else { return }
    if !isReady { return finishGreeting() }
    let now = NIODeadline.now().uptimeNanoseconds
    while answeredCount > 0, !begun.isEmpty {
      driver.record(begun.removeFirst(), now)
      answeredCount -= 1
    }
    guard driver.isSending else { return driver.checkIsDrained() }
    if plan.rate == nil { fill(now) } else { catchUp() }
  }

  private func finishGreeting() {
    if let failure = scanner.firstFailure {
      driver.fail(TallyError(.forbidden, "the server refused: \(failure)"))
    } else if answeredCount == plan.greeting.count {
      answeredCount = 0
      becomeReady()
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.context = nil
    let said = scanner.firstFailure.map { ": \($0)" } ?? ""
    driver.fail(TallyError(.io, "the server closed a connection" + said))
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    driver.fail(TallyError(.io, "a connection failed: \(error)"))
    context.close(promise: nil)
  }
}
