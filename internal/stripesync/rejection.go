package stripesync

import (
	"tallystick/ent"
	"tallystick/internal/billing"
)

// keepRejection writes down why an operation is rejected.
func keepRejection(op *ent.Operation, e *billing.Error) {
	code := string(e.Code)
	op.ErrorCode, op.LastError, op.ErrorPath = &code, &e.Message, e.Path
	op.ErrorNodeID, op.DeclineCode = nil, nil
	if e.NodeID != "" {
		op.ErrorNodeID = &e.NodeID
	}
	if e.DeclineCode != "" {
		op.DeclineCode = &e.DeclineCode
	}
}

// Rejection returns why an operation was rejected; nil for one that was not, or not
// yet.
func Rejection(op *ent.Operation) *billing.Error {
	rejected := op.Status == billing.OperationFailed ||
		op.Status == billing.OperationCompensating || op.Status == billing.OperationNeedsAttention
	if !rejected || op.ErrorCode == nil {
		return nil
	}
	e := &billing.Error{Code: billing.Code(*op.ErrorCode), Path: op.ErrorPath}
	if op.LastError != nil {
		e.Message = *op.LastError
	}
	if op.ErrorNodeID != nil {
		e.NodeID = *op.ErrorNodeID
	}
	if op.DeclineCode != nil {
		e.DeclineCode = *op.DeclineCode
	}
	return e
}
