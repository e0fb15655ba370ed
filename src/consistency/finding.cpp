#include "consistency/finding.hpp"

#include <algorithm>
#include <array>

namespace budkavle::consistency {
namespace {

constexpr std::string_view kSelf = "--repair queues it for the register's worker.";
constexpr std::string_view kSelfSwedish = "--repair köar det för registrets arbetare.";
constexpr std::string_view kZone = "--repair makes the locator compare and write the zone.";
constexpr std::string_view kZoneSwedish = "--repair låter lokaliseraren stämma av och skriva zonen.";

constexpr auto kKinds = std::to_array<Kind>({
    {"smp.state", "FED-05", "The state of publication contradicts the decision about the participant.",
     "Publiceringsläget motsäger beslutet om deltagaren.", kSelf, kSelfSwedish, Repair::publish},
    {"smp.answers", "smp.md 1.10", "The signed answers are not those that the services call for.",
     "De signerade svaren är inte de som tjänsterna kräver.", kSelf, kSelfSwedish, Repair::anew},
    {"smp.body", "smp.md 1.7", "The octets of an answer are lost or changed.",
     "Ett svars oktetter är borta eller ändrade.", "--repair signs it anew; find out who wrote to the database.",
     "--repair signerar det på nytt; ta reda på vem som skrev i databasen.", Repair::anew},
    {"smp.wish", "sml.md 3.4", "The locator is not asked for what is published.",
     "Lokaliseraren ombeds inte om det som är publicerat.", kSelf, kSelfSwedish, Repair::publish},
    {"smp.publishing", "smp.md 1.10", "Publication waits or fails.", "Publicering väntar eller misslyckas.",
     "Read the error: certificate, endpoint or signing key; --repair tries again at once.",
     "Läs felet: certifikat, endpoint eller signeringsnyckel; --repair försöker genast igen.", Repair::publish},
    {"smp.registering", "sml.md 3.4", "Registration at the locator waits or fails.",
     "Registrering hos lokaliseraren väntar eller misslyckas.",
     "Is the locator up, and the account's certificate valid? --repair tries again at once.",
     "Är lokaliseraren igång och kontots certifikat giltigt? --repair försöker genast igen.", Repair::publish},
    {"smp.planned", "smp.md 1.10", "A planned change is overdue.", "En planerad ändring är försenad.",
     "Is the administration's service running?", "Är administrationens tjänst igång?"},
    {"smp.bulk", "smp.md 1.10", "A bulk change does not end.", "En massändring blir inte klar.",
     "Is the administration's service running? Read its error, or cancel it.",
     "Är administrationens tjänst igång? Läs felet eller avbryt den."},

    {"node.unreachable", "FED-03", "The node does not answer.", "Noden svarar inte.",
     "Start it, or take it out of the balancer.", "Starta den eller ta den ur lastfördelaren."},
    {"served.missing", "FED-01", "The node does not serve what is published.", "Noden lämnar inte ut det publicerade.",
     "--repair publishes it anew; a node that stays behind is to be restarted.",
     "--repair publicerar på nytt; en nod som blir efter ska startas om.", Repair::anew},
    {"served.visible", "federation.md 7.4", "The node serves what should not be seen.",
     "Noden lämnar ut det som inte ska synas.",
     "--repair withdraws it; a node that stays behind is to be stopped.",
     "--repair drar in det; en nod som blir efter ska stoppas.", Repair::anew},
    {"served.different", "FED-03", "The node serves other octets than the register holds.",
     "Noden lämnar ut andra oktetter än registret har.",
     "--repair publishes it anew; a node that stays behind is to be restarted.",
     "--repair publicerar på nytt; en nod som blir efter ska startas om.", Repair::anew},
    {"served.invalid", "smp.md 1.7", "What is served does not verify.", "Det som lämnas ut går inte att verifiera.",
     "Read the reason: signing certificate, revocation data, or octets (--repair signs anew).",
     "Läs skälet: signeringscertifikat, spärrdata eller oktetter (--repair signerar på nytt).", Repair::anew},
    {"served.content", "smp.md 1.10", "What is served says something else than the register.",
     "Det som lämnas ut säger något annat än registret.", kSelf, kSelfSwedish, Repair::anew},

    {"locator.missing", "FED-07", "It is published, and the locator does not know it.",
     "Den är publicerad, och lokaliseraren känner den inte.", kSelf, kSelfSwedish, Repair::publish},
    {"locator.extra", "FED-07", "The locator has it for this SMP, which does not publish it.",
     "Lokaliseraren har den för denna SMP, som inte publicerar den.", kSelf, kSelfSwedish, Repair::publish},
    {"locator.elsewhere", "sml.md 3.3", "It is published here, and the locator has it for another SMP.",
     "Den är publicerad här, och lokaliseraren har den för en annan SMP.",
     "Complete or undo the migration: one of the two must stop publishing.",
     "Slutför eller ångra flytten: en av de två måste sluta publicera."},
    {"locator.address", "FED-08", "The locator has another address for this SMP.",
     "Lokaliseraren har en annan adress för denna SMP.", "Restart the SMP: it registers its address when it starts.",
     "Starta om SMP:n: den registrerar sin adress när den startar."},
    {"locator.owner", "sml.md 3.3", "A participant or SMP of the locator has no owner.",
     "En deltagare eller SMP hos lokaliseraren saknar ägare.", "Restore the register, or remove it.",
     "Återställ registret eller ta bort den."},
    {"locator.name", "FED-08", "The locator has a wrong DNS name for the identifier.",
     "Lokaliseraren har fel DNS-namn för identifieraren.", "Restore the register.", "Återställ registret."},
    {"locator.count", "sml.md 3.3", "The locator counts the participants of an SMP wrong.",
     "Lokaliseraren räknar en SMP:s deltagare fel.", "--repair counts again.", "--repair räknar om.", Repair::locator},
    {"locator.limbo", "sml.md 3.4", "DNS never took it, and it is not queued.",
     "DNS har aldrig tagit emot den, och den står inte i kö.", "--repair queues it.", "--repair köar den.",
     Repair::locator},
    {"locator.migration", "sml.md 3.3", "An open migration is about a participant that is not there.",
     "En öppen flytt gäller en deltagare som inte finns där.", "--repair ends it.", "--repair avslutar den.",
     Repair::locator},
    {"locator.queue", "sml.md 3.4", "An entry of the queue to DNS is wrong.", "En post i kön till DNS är fel.",
     "--repair queues the name anew.", "--repair köar namnet på nytt.", Repair::locator},
    {"locator.stuck", "sml.md 3.4", "DNS does not take a change.", "DNS tar inte emot en ändring.",
     "Read the error: name server, zone or key.", "Läs felet: namnserver, zon eller nyckel.", Repair::zone},
    {"dns.unreachable", "sml.md 3.4", "The zone cannot be transferred.", "Zonen kan inte hämtas.",
     "Is the name server up, does it permit transfer to our key?",
     "Är namnservern igång, och tillåter den överföring med vår nyckel?"},
    {"dns.missing", "FED-08", "It is registered, and the zone does not have it.",
     "Den är registrerad, och zonen saknar den.", kZone, kZoneSwedish, Repair::zone},
    {"dns.wrong", "FED-08", "The zone says something else than the register: another SMP, or a broken record.",
     "Zonen säger något annat än registret: en annan SMP eller en trasig post.", kZone, kZoneSwedish, Repair::zone},
    {"dns.extra", "FED-08", "The zone has a name that nobody is registered for.",
     "Zonen har ett namn som ingen är registrerad för.", kZone, kZoneSwedish, Repair::zone},
    {"dns.foreign", "sml.md 3.4", "The zone has a name that is not the locator's.",
     "Zonen har ett namn som inte är lokaliserarens.", "Remove it, or name it under `keep` of the zone.",
     "Ta bort det eller ange det under zonens `keep`."},

    {"certificate.revoked", "SEC-123", "A published certificate is revoked.", "Ett publicerat certifikat är spärrat.",
     "Ask the participant or operator for another one, and take this one away now.",
     "Be deltagaren eller operatören om ett nytt, och ta bort detta nu."},
    {"certificate.expired", "SEC-120", "A published certificate has expired or does not hold yet.",
     "Ett publicerat certifikat har gått ut eller gäller inte än.", "Publish its successor.",
     "Publicera dess efterföljare."},
    {"certificate.unfit", "FED-14", "A published certificate does not fit: chain, purpose, strength or subject.",
     "Ett publicerat certifikat duger inte: kedja, ändamål, styrka eller ämne.",
     "Ask for one from an issuer of the federation.", "Be om ett från en utfärdare i federationen."},
    {"certificate.revocation_unknown", "AP-18", "Nobody can say whether a published certificate is revoked.",
     "Ingen kan säga om ett publicerat certifikat är spärrat.", "Make the issuer's list or responder available.",
     "Gör utfärdarens lista eller svarstjänst nåbar."},
    {"certificate.unknown", "pki.md 5.2", "The PKI whose name is on a published certificate never issued it.",
     "Den PKI som står på ett publicerat certifikat har aldrig utfärdat det.",
     "Treat it as a compromised key of the CA, or a lost register: take the certificate away, investigate.",
     "Behandla det som en röjd CA-nyckel eller ett förlorat register: ta bort certifikatet, utred."},
    {"pki.list", "pki.md 5.3", "The revocation list is missing, old or not authentic.",
     "Spärrlistan saknas, är gammal eller inte äkta.", "budkavle pki publish; is the service of the CA running?",
     "budkavle pki publish; är CA:ns tjänst igång?"},
    {"pki.list_differs", "pki.md 5.3", "Register and revocation list disagree.",
     "Registret och spärrlistan är oense.", "budkavle pki publish; for a lost register: pki recover.",
     "budkavle pki publish; om registret gått förlorat: pki recover."},
    {"pki.ocsp", "pki.md 5.4", "The OCSP responder does not answer, or says something else than the register.",
     "OCSP-tjänsten svarar inte eller säger något annat än registret.", "Restart the service of the CA.",
     "Starta om CA:ns tjänst."},
});

}  // namespace

std::span<const Kind> kinds() {
    return kKinds;
}

const Kind& kind(std::string_view code) {
    return *std::ranges::find(kKinds, code, &Kind::code);
}

}  // namespace budkavle::consistency
