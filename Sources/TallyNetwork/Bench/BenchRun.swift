import NIOCore
import NIOPosix
import TallyBase
import TallyClient

/// Drives a load from one thread.
enum BenchRun {
  /// - Throws: `io`, `forbidden`: a connection could not be had, or was lost.
  static func run(
    _ plan: BenchPlan, _ configuration: TallyClient.Configuration
  ) throws -> BenchReport {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    defer { try? group.syncShutdownGracefully() }
    let loop = group.next()
    let completion = loop.makePromise(of: BenchReport.self)
    let security = try configuration.tls.map { try TLSContext.make($0, host: configuration.host) }
    let driver = try loop.submit {
      NIOLoopBound(BenchDriver(plan, loop: loop, completion: completion), eventLoop: loop)
    }.wait()
    do {
      for number in 0..<plan.connectionCount {
        _ = try ClientBootstrap(group: loop)
          .connectTimeout(.seconds(10))
          .channelOption(.tcpOption(.tcp_nodelay), value: 1)
          .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
              if let security {
                try channel.pipeline.syncOperations.addHandler(security.makeHandler())
              }
              let handler = BenchHandler(driver: driver.value, number: number)
              driver.value.handlers.append(handler)
              try channel.pipeline.syncOperations.addHandler(handler)
            }
          }
          .connect(host: configuration.host, port: configuration.port).wait()
      }
    } catch {
      completion.fail(error)
      throw TallyError(
        .io, "connecting to \(configuration.host):\(configuration.port) failed: \(error)")
    }
    return try completion.futureResult.wait()
  }
}
