package billing

// SyncStatus tells how an object stands to its counterpart in Stripe.
type SyncStatus string

// The values of SyncStatus.
const (
	SyncUnlinked SyncStatus = "UNLINKED" // not in Stripe, and nothing under way
	SyncPending  SyncStatus = "PENDING"  // an operation waits or runs
	SyncSynced   SyncStatus = "SYNCED"   // both halves are equal
	SyncPartial  SyncStatus = "PARTIAL"  // what is shown is what Stripe has, and Stripe has more
	SyncFailed   SyncStatus = "FAILED"   // the last operation was refused or needs attention
)

// Values lists all values of the type.
func (SyncStatus) Values() []string {
	return []string{string(SyncUnlinked), string(SyncPending), string(SyncSynced), string(SyncPartial), string(SyncFailed)}
}

// PriceStatus is the life of a price.
type PriceStatus string

// The values of PriceStatus.
const (
	PricePending  PriceStatus = "PENDING"  // not yet in Stripe; nobody can subscribe to it
	PriceActive   PriceStatus = "ACTIVE"   // on sale
	PriceArchived PriceStatus = "ARCHIVED" // no longer on sale; existing subscriptions keep it
)

// Values lists all values of the type.
func (PriceStatus) Values() []string {
	return []string{string(PricePending), string(PriceActive), string(PriceArchived)}
}

// BillingScheme is how the amount of a price follows from the quantity, in
// Stripe's words.
type BillingScheme string

// The values of BillingScheme.
const (
	SchemePerUnit BillingScheme = "PER_UNIT" // the unit amount times the quantity
	SchemeTiered  BillingScheme = "TIERED"   // by the tiers that the quantity reaches
)

// Values lists all values of the type.
func (BillingScheme) Values() []string { return []string{string(SchemePerUnit), string(SchemeTiered)} }

// TiersMode is how the tiers of a price apply, in Stripe's words.
type TiersMode string

// The values of TiersMode.
const (
	TiersGraduated TiersMode = "GRADUATED" // each tier for the units within it
	TiersVolume    TiersMode = "VOLUME"    // the tier of the whole quantity for all units
)

// Values lists all values of the type.
func (TiersMode) Values() []string { return []string{string(TiersGraduated), string(TiersVolume)} }

// UsageType is where the quantity of a recurring price comes from, in Stripe's
// words.
type UsageType string

// The values of UsageType.
const (
	UsageLicensed UsageType = "LICENSED" // the subscription's item
	UsageMetered  UsageType = "METERED"  // what is reported to Stripe as used
)

// Values lists all values of the type.
func (UsageType) Values() []string { return []string{string(UsageLicensed), string(UsageMetered)} }

// PauseBehavior is what becomes of a subscription's invoices while the
// collection of payments is paused, in Stripe's words.
type PauseBehavior string

// The values of PauseBehavior.
const (
	PauseVoid              PauseBehavior = "VOID"
	PauseKeepAsDraft       PauseBehavior = "KEEP_AS_DRAFT"
	PauseMarkUncollectible PauseBehavior = "MARK_UNCOLLECTIBLE"
)

// Values lists all values of the type.
func (PauseBehavior) Values() []string {
	return []string{string(PauseVoid), string(PauseKeepAsDraft), string(PauseMarkUncollectible)}
}

// DifferenceKind is how an object is not the same in Stripe and here.
type DifferenceKind string

// The values of DifferenceKind.
const (
	DifferenceChanged   DifferenceKind = "CHANGED"   // a field differs
	DifferenceMissing   DifferenceKind = "MISSING"   // Stripe does not have it
	DifferenceExtra     DifferenceKind = "EXTRA"     // only Stripe has it
	DifferenceDuplicate DifferenceKind = "DUPLICATE" // Stripe has it more than once
)

// Values lists all values of the type.
func (DifferenceKind) Values() []string {
	return []string{string(DifferenceChanged), string(DifferenceMissing), string(DifferenceExtra), string(DifferenceDuplicate)}
}

// BillingInterval is the unit of a recurring price's period.
type BillingInterval string

// The values of BillingInterval.
const (
	IntervalDay   BillingInterval = "DAY"
	IntervalWeek  BillingInterval = "WEEK"
	IntervalMonth BillingInterval = "MONTH"
	IntervalYear  BillingInterval = "YEAR"
)

// Values lists all values of the type.
func (BillingInterval) Values() []string {
	return []string{string(IntervalDay), string(IntervalWeek), string(IntervalMonth), string(IntervalYear)}
}

// InvoiceStatus is the life of an invoice, in Stripe's words.
type InvoiceStatus string

// The values of InvoiceStatus.
const (
	InvoiceDraft         InvoiceStatus = "DRAFT"
	InvoiceOpen          InvoiceStatus = "OPEN"
	InvoicePaid          InvoiceStatus = "PAID"
	InvoiceUncollectible InvoiceStatus = "UNCOLLECTIBLE"
	InvoiceVoid          InvoiceStatus = "VOID"
)

// Values lists all values of the type.
func (InvoiceStatus) Values() []string {
	return []string{string(InvoiceDraft), string(InvoiceOpen), string(InvoicePaid), string(InvoiceUncollectible), string(InvoiceVoid)}
}

// OperationKind is the mutation that an operation carries out.
type OperationKind string

// The values of OperationKind.
const (
	KindCreateProduct           OperationKind = "CREATE_PRODUCT"
	KindUpdateProduct           OperationKind = "UPDATE_PRODUCT"
	KindArchiveProduct          OperationKind = "ARCHIVE_PRODUCT"
	KindAddProductPrice         OperationKind = "ADD_PRODUCT_PRICE"
	KindArchivePrice            OperationKind = "ARCHIVE_PRICE"
	KindUpdateProductPrice      OperationKind = "UPDATE_PRODUCT_PRICE"
	KindCreateCustomer          OperationKind = "CREATE_CUSTOMER"
	KindUpdateCustomer          OperationKind = "UPDATE_CUSTOMER"
	KindDeleteCustomer          OperationKind = "DELETE_CUSTOMER"
	KindRestoreCustomer         OperationKind = "RESTORE_CUSTOMER"
	KindCreateSubscription      OperationKind = "CREATE_SUBSCRIPTION"
	KindCancelSubscription      OperationKind = "CANCEL_SUBSCRIPTION"
	KindResumeSubscription      OperationKind = "RESUME_SUBSCRIPTION"
	KindChangeSubscriptionPrice OperationKind = "CHANGE_SUBSCRIPTION_PRICE"
	KindRevokeSubscription      OperationKind = "REVOKE_SUBSCRIPTION"
	KindPayInvoice              OperationKind = "PAY_INVOICE"
	KindVoidInvoice             OperationKind = "VOID_INVOICE"
	KindUpdateSubscriptionItems OperationKind = "UPDATE_SUBSCRIPTION_ITEMS"
	KindReconcile               OperationKind = "RECONCILE" // a comparison of both halves, or the repair of one object
	// KindLinkCustomer has no mutation of its own.
	KindLinkCustomer OperationKind = "LINK_CUSTOMER"
)

// Values lists all values of the type.
func (OperationKind) Values() []string {
	return []string{
		string(KindCreateProduct), string(KindUpdateProduct), string(KindArchiveProduct), string(KindAddProductPrice), string(KindArchivePrice), string(KindUpdateProductPrice), string(KindCreateCustomer), string(KindUpdateCustomer), string(KindDeleteCustomer), string(KindRestoreCustomer), string(KindCreateSubscription), string(KindCancelSubscription), string(KindResumeSubscription),
		string(KindChangeSubscriptionPrice), string(KindRevokeSubscription), string(KindPayInvoice), string(KindVoidInvoice), string(KindUpdateSubscriptionItems), string(KindReconcile), string(KindLinkCustomer),
	}
}

// OperationStatus is the life of an operation.
type OperationStatus string

// The values of OperationStatus.
const (
	OperationPending        OperationStatus = "PENDING"         // waits for its turn or for Stripe
	OperationRunning        OperationStatus = "RUNNING"         // a process is carrying it out
	OperationSucceeded      OperationStatus = "SUCCEEDED"       // both halves have the change
	OperationCompensating   OperationStatus = "COMPENSATING"    // Stripe said no; what was done is being undone
	OperationFailed         OperationStatus = "FAILED"          // neither half has the change
	OperationNeedsAttention OperationStatus = "NEEDS_ATTENTION" // undoing was refused; the halves may differ until it is retried
)

// Values lists all values of the type.
func (OperationStatus) Values() []string {
	return []string{string(OperationPending), string(OperationRunning), string(OperationSucceeded), string(OperationCompensating), string(OperationFailed), string(OperationNeedsAttention)}
}

// StepStatus is the state of one step of an operation.
type StepStatus string

// The values of StepStatus.
const (
	StepTodo        StepStatus = "TODO"
	StepDone        StepStatus = "DONE"
	StepCompensated StepStatus = "COMPENSATED" // done, then undone
	StepFailed      StepStatus = "FAILED"      // refused by Stripe
)

// Values lists all values of the type.
func (StepStatus) Values() []string {
	return []string{string(StepTodo), string(StepDone), string(StepCompensated), string(StepFailed)}
}

// CollectionMethod is how the invoices of a subscription are collected, in Stripe's words.
type CollectionMethod string

// The values of CollectionMethod.
const (
	CollectionChargeAutomatically CollectionMethod = "CHARGE_AUTOMATICALLY"
	CollectionSendInvoice         CollectionMethod = "SEND_INVOICE"
)

// Values lists all values of the type.
func (CollectionMethod) Values() []string {
	return []string{string(CollectionChargeAutomatically), string(CollectionSendInvoice)}
}

// PaymentBehavior is what happens when the first payment of a subscription does not
// succeed at once, in Stripe's words.
type PaymentBehavior string

// The values of PaymentBehavior.
const (
	PaymentErrorIfIncomplete PaymentBehavior = "ERROR_IF_INCOMPLETE" // the subscription is refused
	PaymentDefaultIncomplete PaymentBehavior = "DEFAULT_INCOMPLETE"  // the subscription waits for the customer to confirm
)

// Values lists all values of the type.
func (PaymentBehavior) Values() []string {
	return []string{string(PaymentErrorIfIncomplete), string(PaymentDefaultIncomplete)}
}

// CancelTime is when a cancellation takes effect.
type CancelTime string

// The values of CancelTime.
const (
	CancelPeriodEnd   CancelTime = "PERIOD_END"
	CancelImmediately CancelTime = "IMMEDIATELY"
)

// Values lists all values of the type.
func (CancelTime) Values() []string {
	return []string{string(CancelPeriodEnd), string(CancelImmediately)}
}

// CancellationReason is why a customer cancels, in the words of Stripe's cancellation feedback.
type CancellationReason string

// The values of CancellationReason.
const (
	ReasonCustomerService CancellationReason = "CUSTOMER_SERVICE"
	ReasonLowQuality      CancellationReason = "LOW_QUALITY"
	ReasonMissingFeatures CancellationReason = "MISSING_FEATURES"
	ReasonOther           CancellationReason = "OTHER"
	ReasonSwitchedService CancellationReason = "SWITCHED_SERVICE"
	ReasonTooComplex      CancellationReason = "TOO_COMPLEX"
	ReasonTooExpensive    CancellationReason = "TOO_EXPENSIVE"
	ReasonUnused          CancellationReason = "UNUSED"
)

// Values lists all values of the type.
func (CancellationReason) Values() []string {
	return []string{string(ReasonCustomerService), string(ReasonLowQuality), string(ReasonMissingFeatures), string(ReasonOther), string(ReasonSwitchedService), string(ReasonTooComplex), string(ReasonTooExpensive), string(ReasonUnused)}
}

// WebhookStatus is the life of an event that Stripe has sent.
type WebhookStatus string

// The values of WebhookStatus.
const (
	WebhookPending   WebhookStatus = "PENDING"   // stored, and going to be applied
	WebhookProcessed WebhookStatus = "PROCESSED" // what it reports is mirrored here
	WebhookIgnored   WebhookStatus = "IGNORED"   // about something that is not mirrored
	WebhookFailed    WebhookStatus = "FAILED"    // what it reports cannot be mirrored
)

// Values lists all values of the type.
func (WebhookStatus) Values() []string {
	return []string{string(WebhookPending), string(WebhookProcessed), string(WebhookIgnored), string(WebhookFailed)}
}

// ProrationBehavior is what a change of price makes of the time already paid
// for, in Stripe's words.
type ProrationBehavior string

// The values of ProrationBehavior.
const (
	ProrationCreateProrations ProrationBehavior = "CREATE_PRORATIONS"
	ProrationAlwaysInvoice    ProrationBehavior = "ALWAYS_INVOICE"
	ProrationNone             ProrationBehavior = "NONE"
)

// Values lists all values of the type.
func (ProrationBehavior) Values() []string {
	return []string{string(ProrationCreateProrations), string(ProrationAlwaysInvoice), string(ProrationNone)}
}

// CheckoutMode is what a page at Stripe is for, in Stripe's words.
type CheckoutMode string

// The values of CheckoutMode.
const (
	CheckoutSubscription CheckoutMode = "SUBSCRIPTION" // the customer subscribes
	CheckoutSetup        CheckoutMode = "SETUP"        // the customer leaves a payment method
)

// Values lists all values of the type.
func (CheckoutMode) Values() []string {
	return []string{string(CheckoutSubscription), string(CheckoutSetup)}
}

// ResolutionSource is whose side of a change is taken when an operation that
// needs attention is given up.
type ResolutionSource string

// ResolutionStripe takes Stripe's side: what it has is shown here.
const ResolutionStripe ResolutionSource = "STRIPE"

// Values lists all values of the type.
func (ResolutionSource) Values() []string { return []string{string(ResolutionStripe)} }
