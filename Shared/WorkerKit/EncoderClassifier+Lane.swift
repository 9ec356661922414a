import Contracts
import Inference

extension EncoderClassifier {
    /// The model as a lane computes with it: the lanes share the weights, and neither waits for the other's calls.
    /// - Throws: `InferenceError`, never retriable.
    public func serving(_ lane: Lane) throws(InferenceError) -> EncoderClassifier {
        lane == .bulk ? try EncoderClassifier(sharing: self) : self
    }
}
