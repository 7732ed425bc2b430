internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes
internal import NIOHTTPTypesHTTP1
internal import NIOSSL
internal import TallyServer

/// Makes a connection of a socket, and answers what comes over it.
struct HTTPConnection: ServerChildChannel {
  struct Value: ServerChildChannelValue {
    let base: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
    let state: ConnectionState

    var channel: any Channel { base.channel }
  }

  let context: HTTPContext

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    channel.eventLoop.makeCompletedFuture {
      let operations = channel.pipeline.syncOperations
      try channel.syncOptions?.setOption(
        .writeBufferWaterMark, value: .init(low: 128 << 10, high: 512 << 10))
      let tls = context.configuration.tlsContext?()
      if let tls {
        let shared = context.shared
        try operations.addHandler(NIOSSLServerHandler(context: tls))
        try operations.addHandler(
          TLSHandshakeGuard(
            milliseconds: shared.configuration.connection.handshakeMilliseconds,
            logger: shared.logger))
      }
      let state = ConnectionState(
        channel.remoteAddress, isTLS: tls != nil,
        isRefused: context.connections.count >= context.configuration.connectionCountMax)
      context.connections.insert(channel)
      var limits = NIOHTTPDecoderLimitConfiguration()
      // A URL and headers that are somewhat too long are answered as such.
      limits.maxHeaderFieldSize = 2 * context.configuration.headByteCountMax
      limits.maxHeaderListSize = 2 * context.configuration.headByteCountMax
      limits.maxHeaderFieldCount = 256
      try operations.configureHTTPServerPipeline(
        withPipeliningAssistance: false, withErrorHandling: false,
        withOutboundHeaderValidation: true, withEncoderConfiguration: .init(),
        withDecoderLimitConfiguration: limits)
      try operations.addHandler(RequestHandler(state, context.configuration))
      try operations.addHandler(HTTP1ToHTTPServerCodec(secure: tls != nil))
      try operations.addHandler(HTTPConnectionStateHandler(logger: logger))
      let base = try NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>(
        wrappingChannelSynchronously: channel,
        configuration: .init(isOutboundHalfClosureEnabled: true))
      return Value(base: base, state: state)
    }
  }

  func handle(value: Value, logger: Logger) async {
    let executor = EventLoopExecutor(value.channel.eventLoop)
    await withTaskExecutorPreference(executor) { await serve(value) }
  }

  private func serve(_ value: Value) async {
    let channel = value.channel
    let responder = Responder(context: context, state: value.state, loop: channel.eventLoop)
    // What fails here ends the connection, and there is nobody to be told.
    try? await withTaskCancellationHandler {
      try await value.base.executeThenClose { inbound, outbound in
        let reader = RequestReader(inbound)
        do {
          while let head = try await reader.head() {
            try await responder.respond(to: head, reader, ResponseSender(outbound))
          }
        } catch let error as HTTPParserError {
          try await responder.refuse(error, ResponseSender(outbound))
        }
        outbound.finish()
        try await channel.closeFuture.get()
      }
    } onCancel: {
      channel.close(mode: .input, promise: nil)
    }
  }
}
