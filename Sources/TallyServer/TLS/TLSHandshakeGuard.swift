package import Logging
package import NIOCore
internal import NIOTLS

/// Closes connections whose TLS handshake fails, or does not end in time, and says so in the log.
/// Passes on everything else.
package final class TLSHandshakeGuard: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer

  private let milliseconds: Int
  private let logger: Logger
  private var timer: Scheduled<Void>?
  private var isDone = false

  /// - Parameter milliseconds: what a handshake may take.
  package init(milliseconds: Int, logger: Logger) {
    self.milliseconds = milliseconds
    self.logger = logger
  }

  package func channelActive(context: ChannelHandlerContext) {
    let guarded = NIOLoopBound(self, eventLoop: context.eventLoop)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: .milliseconds(Int64(milliseconds))) {
      let seconds = guarded.value.milliseconds / 1_000
      guarded.value.end(bound.value, "no handshake within \(seconds) seconds")
      // There is nobody to say goodbye to.
      bound.value.channel.close(promise: nil)
    }
    context.fireChannelActive()
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .some(.handshakeCompleted) = event as? TLSUserEvent {
      isDone = true
      timer?.cancel()
    }
    context.fireUserInboundEventTriggered(event)
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard !isDone else { return context.fireErrorCaught(error) }
    end(context, "\(error)")
    context.close(promise: nil)
  }

  package func channelInactive(context: ChannelHandlerContext) {
    if !isDone { end(context, "the client closed the connection") }
    context.fireChannelInactive()
  }

  private func end(_ context: ChannelHandlerContext, _ reason: String) {
    guard !isDone else { return }
    isDone = true
    timer?.cancel()
    logger.info(
      "TLS handshake failed",
      metadata: [
        "peer": "\(context.remoteAddress?.description ?? "unknown")", "reason": "\(reason)",
      ])
  }
}
