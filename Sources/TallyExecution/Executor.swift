enum ExecutionNamespace {}
