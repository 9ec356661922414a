/// A fault that says whether another try may mend it.
public protocol RetriableError: Error {
    /// `false` where the same call would fail in the same way again.
    var isRetriable: Bool { get }
}
