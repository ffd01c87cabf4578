"""What the laws of the United States distinguish: kinds of regulated organisations and of public bodies."""

from __future__ import annotations

REGULATED_US = (
    "hipaa_covered_entity hipaa_business_associate part2_program phr_vendor phr_service_provider phr_related_entity"
    " glba_institution ftc_safeguards_institution reg_sp_institution reg_sp_service_provider reg_sci_entity bank_occ bank_fed"
    " bank_fdic bank_service_provider federally_insured_credit_union nydfs_covered_entity insurance_licensee"
    " sec_domestic_filer sec_foreign_private_issuer telecom_carrier voip_provider tsa_pipeline tsa_rail tsa_aviation"
    " dod_contractor federal_agency federal_contractor ferpa_institution student_aid_school tax_preparer irs_data_recipient"
    " nerc_entity nrc_licensee maritime_entity ca_licensed_clinic ca_public_agency ny_municipality nj_public_entity"
    " information_broker credit_bureau msb cftc_registrant efile_provider"
    " sec_smaller_reporting_company reg_sp_smaller_institution dod_subcontractor casino trs_provider"
    " ca_health_facility ca_home_health_agency ca_hospice ny_hospital fha_mortgagee ginnie_mae_issuer water_system utility"
)
PUBLIC_KINDS = (
    "state_agency county municipality school_district community_college public_university court_or_legislature"
    " special_district other_local_body"
)
