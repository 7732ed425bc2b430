import NIOCore
import NIOPosix
import TallyBase

/// Lets a command, which runs on a thread of its own, wait for tasks.
enum Waiting {
  /// How often it is looked whether Ctrl-C was pressed.
  private static let pollInterval = Duration.milliseconds(20)

  /// Runs `body` to its end. It is cancelled once the token is.
  static func run<Result: Sendable>(
    _ cancellation: CancellationToken, _ body: @escaping @Sendable () async throws -> Result
  ) throws -> Result {
    let promise = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Result.self)
    let task = promise.completeWithTask(body)
    let watch = Task {
      while !Task.isCancelled {
        if cancellation.isCancelled { return task.cancel() }
        try? await Task.sleep(for: pollInterval)
      }
    }
    defer { watch.cancel() }
    return try promise.futureResult.wait()
  }
}
